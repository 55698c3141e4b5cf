//! Runs in processes of their own, which are killed.

use std::path::Path;
#[cfg(unix)]
use std::process::{Child, Command, Stdio};
#[cfg(unix)]
use std::time::Duration;

use tch::Device;
use twoviews::prelude::*;

use super::{BATCHES, Failing, config, loader, quiet, saved_each_step};

const CHILD_FOLDER: &str = "TWOVIEWS_TEST_CHILD_FOLDER";

/// Not a test of its own: the process that `a_killed_run_goes_on` starts and kills.
#[test]
#[ignore = "started by another test"]
fn child_that_trains() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        tch::set_num_threads(1);
        let config = DCLConfig { max_epochs: 30, ..config(OptimizerKind::AdamW) };
        let mut model = DCL::new(config, Device::Cpu).unwrap();
        model.fit(&loader(7), saved_each_step(Path::new(&folder))).unwrap();
    }
}

/// Starts one of the children in `folder` and waits for its first checkpoint.
#[cfg(unix)]
fn start(child: &str, folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("killed::{child}"), "--ignored"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !folder.join("last.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended without a checkpoint");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// Kills a run without warning after each of `delays`, counted from its first checkpoint on, and
/// goes on from what it left.
#[cfg(unix)]
fn kill_and_go_on(delays: &[u64]) {
    tch::set_num_threads(1);
    let config = DCLConfig { max_epochs: 30, ..config(OptimizerKind::AdamW) };
    let expected = DCL::new(config, Device::Cpu).unwrap().fit(&loader(7), quiet(None)).unwrap();
    for &delay in delays {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start("child_that_trains", folder.path());
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut model = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        let history = model.resume(&loader(7), quiet(Some(folder.path()))).unwrap();
        assert_eq!(history.losses, expected.losses, "killed after {delay} ms");
    }
}

#[test]
#[cfg(unix)]
fn a_killed_run_goes_on() {
    kill_and_go_on(&[37, 613]);
}

#[test]
#[cfg(unix)]
#[ignore = "slow"]
fn a_run_killed_at_ten_moments_goes_on() {
    kill_and_go_on(&[0, 11, 53, 101, 199, 307, 409, 503, 701, 997]);
}

/// Not a test of its own: a process that trains until it is killed.
#[test]
#[ignore = "started by another test"]
fn child_that_trains_on() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let config = DCLConfig { max_epochs: 1_000_000, ..config(OptimizerKind::Sgd) };
        let mut model = DCL::new(config, Device::Cpu).unwrap();
        model.fit(&loader(7), quiet(Some(Path::new(&folder)))).unwrap();
    }
}

/// Two runs in one folder would remove each other's files.
#[test]
#[cfg(unix)]
fn a_folder_has_one_run_at_a_time() {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("child_that_trains_on", folder.path());
    // It can be looked at while it trains, though not taken up.
    let mut second = DCL::load_training(folder.path(), Device::Cpu).unwrap();
    let error = second.resume(&loader(7), quiet(Some(folder.path()))).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Parameter { name: "checkpoints.folder", .. }), "{text}");
    assert!(text.contains(&format!("Process {} is training into it", child.id())), "{text}");
    assert!(child.try_wait().unwrap().is_none(), "the first run goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock went with the process, although its file is still there.
    assert!(folder.path().join("run.lock").exists());
    let mut third = DCL::load_training(folder.path(), Device::Cpu).unwrap();
    let stopping = Failing { loader: loader(7), left: BATCHES.into() };
    assert!(third.resume(&stopping, quiet(Some(folder.path()))).unwrap().interrupted);
    assert!(!folder.path().join("run.lock").exists(), "a run that ends takes its lock along");
}
