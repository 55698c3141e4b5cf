//! The hub's cache: its addresses, its layout, and Python's client beside it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha1::Digest;
use support::hub::{self, COMMIT, FILE, Hub, SIZE, blobs, content, folder_of, hex};
use support::server::{Fault, Reply, Server};
use support::{finish_job, run_job, start_job};

#[test]
fn job() {
    hub::job();
}

#[test]
fn the_token_goes_to_the_hub_alone_and_addresses_may_have_a_path() {
    let content = content();
    let hub = Hub::large(&content, vec![]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    let endpoint = format!("{}/mirror/", hub.hub.address);
    variables.extend([
        ("HF_ENDPOINT", endpoint.as_str()),
        ("HF_TOKEN", "hf_secret\n"),
        ("JOB_FILE", "./some folder/ü.ckpt"),
        ("JOB_SOURCE", "hf-hub:owner/name@refs/pr/1"),
    ]);
    let path = run_job("job", &variables).0.unwrap();
    assert!(path.ends_with(&format!("snapshots/{COMMIT}/some folder/ü.ckpt")), "{path}");
    assert!(fs::read(&path).unwrap() == content);
    for request in hub.hub.requests() {
        assert_eq!(request.header("Authorization"), Some("Bearer hf_secret"));
        let expected = "/mirror/owner/name/resolve/refs%2Fpr%2F1/some%20folder/%C3%BC.ckpt";
        assert_eq!(request.path, expected);
    }
    assert!(hub.cdn.unwrap().requests().iter().all(|r| r.header("Authorization").is_none()));
}

#[test]
fn mirrors_without_head_and_revisions_that_move_are_served() {
    let (old, new) = (content(), vec![9; 1000]);
    let body = old.clone();
    let sha = hex(sha2::Sha256::digest(&old));
    let server = Server::new(move |request| match request.method.as_str() {
        "HEAD" => Reply::status(405),
        _ => Reply::content(request, &body).with("X-Repo-Commit", COMMIT).with("ETag", &sha),
    });
    let hub = Hub { hub: server, cdn: None, etag: hex(sha2::Sha256::digest(&old)) };
    let cache = tempfile::tempdir().unwrap();
    let path = run_job("job", &hub.variables(cache.path())).0.unwrap();
    assert!(fs::read(path).unwrap() == old);

    // Between the first question and the transfer the branch gets another commit.
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let (first, then) = (vec![8; 1000], new.clone());
    let server = Server::new(move |request| {
        let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let (content, commit) = if number == 0 {
            (&first, COMMIT.to_owned())
        } else {
            (&then, COMMIT.replace('0', "f"))
        };
        let etag = hex(sha2::Sha256::digest(content));
        Reply::content(request, content).with("X-Repo-Commit", commit).with("ETag", etag)
    });
    let hub = Hub { hub: server, cdn: None, etag: hex(sha2::Sha256::digest(&new)) };
    let cache = tempfile::tempdir().unwrap();
    let path = run_job("job", &hub.variables(cache.path())).0.unwrap();
    assert!(fs::read(&path).unwrap() == new);
    assert!(path.contains(&COMMIT.replace('0', "f")));
    assert_eq!(blobs(cache.path()), std::slice::from_ref(&hub.etag));
}

#[test]
fn the_cache_is_laid_out_as_pythons_and_mended() {
    let content = content();
    let hub = Hub::large(&content, vec![]);
    let cache = tempfile::tempdir().unwrap();
    let variables = hub.variables(cache.path());
    let path = PathBuf::from(run_job("job", &variables).0.unwrap());
    let folder = folder_of(cache.path());
    assert_eq!(path, folder.join("snapshots").join(COMMIT).join(FILE));
    let link = fs::read_link(&path).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(&hub.etag));
    assert_eq!(fs::read_to_string(folder.join("refs/main")).unwrap(), COMMIT);

    // A link whose content was deleted, a damaged content of another commit, and one cut short.
    fs::remove_file(folder.join("blobs").join(&hub.etag)).unwrap();
    assert!(fs::read(run_job("job", &variables).0.unwrap()).unwrap() == content);
    for damaged in [vec![7; SIZE], vec![7; 9]] {
        fs::remove_dir_all(folder.join("refs")).unwrap();
        fs::remove_dir_all(folder.join("snapshots")).unwrap();
        fs::write(folder.join("blobs").join(&hub.etag), damaged).unwrap();
        let (result, said) = run_job("job", &variables);
        assert!(fs::read(result.unwrap()).unwrap() == content);
        assert!(said.contains("damaged in the cache"), "{said}");
    }
    assert_eq!(hub.transfers(), 4);
}

#[test]
fn a_checkpoint_that_an_earlier_version_left_damaged_is_fetched_anew() {
    let content = fs::read("tests/fixtures/weights/odd.ckpt").unwrap();
    let hub = Hub::large(&content, vec![]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    let path = run_job("job", &variables).0.unwrap();
    let blob = folder_of(cache.path()).join("blobs").join(&hub.etag);
    fs::write(&blob, &content[..content.len() / 2]).unwrap();
    variables.push(("JOB_LOAD", "1"));
    let offline = [&variables[..], &[("HF_HUB_OFFLINE", "1")]].concat();
    assert!(run_job("job", &offline).0.unwrap_err().starts_with("Format"));
    // The file is right then, and says itself that it is of another model.
    let (result, said) = run_job("job", &variables);
    assert!(result.unwrap_err().contains("does not fit the model"));
    assert!(said.contains("damaged in the cache"), "{said}");
    assert!(fs::read(path).unwrap() == content);
    assert_eq!(hub.transfers(), 2);
    run_job("job", &variables).0.unwrap_err();
    assert_eq!(hub.transfers(), 2, "a right file is not fetched again");
}

#[test]
fn a_cache_filled_under_a_commit_is_found_without_a_network() {
    let cache = tempfile::tempdir().unwrap();
    let folder = folder_of(cache.path());
    let snapshot = folder.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join(FILE), "x").unwrap();
    let find = |source: &str| {
        let cache = cache.path().to_str().unwrap();
        run_job(
            "job",
            &[("JOB_MODEL_DIR", cache), ("JOB_SOURCE", source), ("HF_HUB_OFFLINE", "true")],
        )
        .0
    };
    let expected = snapshot.join(FILE).display().to_string();
    assert_eq!(find(&format!("hf-hub:owner/name@{COMMIT}")), Ok(expected.clone()));
    find("hf-hub:owner/name@v1").unwrap_err();
    fs::create_dir_all(folder.join("refs/some")).unwrap();
    fs::write(folder.join("refs/some/branch"), COMMIT).unwrap();
    assert_eq!(find("hf-hub:owner/name@some/branch"), Ok(expected));
}

/// Python's client as the reference: `TWOVIEWS_TEST_HUB_PYTHON` names a Python with `huggingface_hub`.
fn start_python(hub: &Hub, cache: &Path, revision: &str, offline: bool) -> Option<Child> {
    let Ok(python) = std::env::var("TWOVIEWS_TEST_HUB_PYTHON") else {
        println!("skipped: TWOVIEWS_TEST_HUB_PYTHON names no Python with huggingface_hub");
        return None;
    };
    let script = "import sys, huggingface_hub as h\n\
        print(h.hf_hub_download('owner/name', 'a.ckpt', revision=sys.argv[1], cache_dir=sys.argv[2]))";
    let mut command = Command::new(python);
    command
        .args(["-c", script, revision, cache.to_str().unwrap()])
        .env("HF_ENDPOINT", &hub.hub.address)
        .env("HF_HUB_OFFLINE", if offline { "1" } else { "0" })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(command.spawn().unwrap())
}

fn finish_python(python: Child) -> String {
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_one_side_downloads_the_other_side_finds() {
    let content = content();
    for (large, revision, python_first) in [
        (true, "main", true),
        (true, "main", false),
        (true, COMMIT, true),
        (true, COMMIT, false),
        (false, "refs/pr/1", true),
        (false, "refs/pr/1", false),
    ] {
        let what = format!("{revision}, Python first: {python_first}");
        let hub = if large { Hub::large(&content, vec![]) } else { Hub::small(&content, vec![]) };
        let cache = tempfile::tempdir().unwrap();
        let source = format!("hf-hub:owner/name@{revision}");
        let mut variables = hub.variables(cache.path());
        variables.push(("JOB_SOURCE", &source));
        let python = |offline| start_python(&hub, cache.path(), revision, offline);
        let (ours, theirs) = if python_first {
            let Some(python) = python(false) else { return };
            let theirs = finish_python(python);
            variables.push(("HF_HUB_OFFLINE", "1"));
            (run_job("job", &variables).0.unwrap(), theirs)
        } else {
            let ours = run_job("job", &variables).0.unwrap();
            let Some(offline) = python(true) else { return };
            let theirs = finish_python(offline);
            // Online it finds the file in the cache, too.
            assert_eq!(python(false).map(finish_python).as_ref(), Some(&theirs), "{what}");
            (ours, theirs)
        };
        assert_eq!(ours, theirs, "{what}");
        assert!(fs::read(&ours).unwrap() == content, "{what}");
        assert_eq!(hub.transfers(), 1, "{what}");
    }
}

#[test]
fn both_sides_at_once_make_one_transfer() {
    let content = content();
    for python_first in [true, false] {
        let slow: Fault = Box::new(|_, reply| {
            std::thread::sleep(Duration::from_secs(4));
            reply
        });
        let hub = Hub::large(&content, vec![slow]);
        let cache = tempfile::tempdir().unwrap();
        let mut variables = hub.variables(cache.path());
        variables.push(("TWOVIEWS_TEST_WAIT_FACTOR", "1"));
        let start_ours = || start_job("job", &variables);
        let start_theirs = || start_python(&hub, cache.path(), "main", false);
        let transfer_begins = || {
            let start = Instant::now();
            while hub.transfers() == 0 && start.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let (ours, theirs);
        if python_first {
            let Some(python) = start_theirs() else { return };
            transfer_begins();
            (ours, theirs) = (start_ours(), python);
        } else {
            ours = start_ours();
            transfer_begins();
            let Some(python) = start_theirs() else { return finish_job(ours).0.map(drop).unwrap() };
            theirs = python;
        }
        let (ours, said) = finish_job(ours);
        assert_eq!(ours.unwrap(), finish_python(theirs));
        assert_eq!(hub.transfers(), 1, "Python first: {python_first}");
        assert_eq!(said.contains("Waiting for another process"), python_first, "{said}");
    }
}
