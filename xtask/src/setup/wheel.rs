//! A wheel of the kernel that is taken in place of building it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use twoviews_constants::variable::KERNEL_WHEEL;

use super::platform::Machine;
use super::python::Environment;
use crate::say::say;
use crate::{folders, paths, tools};

/// The version of the workspace, and so the kernel's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The wheel that set-up is to take in place of a build: the one that is named, or one in `dist`.
pub(super) fn given() -> Result<Option<PathBuf>> {
    match std::env::var_os(KERNEL_WHEEL).filter(|name| !name.is_empty()) {
        Some(named) => checked(std::env::current_dir()?.join(named)).map(Some),
        None => in_dist(&paths::root()),
    }
}

/// The wheel that is named, if it is one of this version.
fn checked(named: PathBuf) -> Result<PathBuf> {
    ensure!(named.is_file(), "{KERNEL_WHEEL} names {}, which is not there", named.display());
    let found = version(&named);
    match found.as_deref() {
        Some(VERSION) => {
            let machine = Machine::this();
            ensure!(
                machine.runs(&file_name(&named)),
                "{KERNEL_WHEEL}: {} was built for another machine; this one is {machine}",
                named.display()
            );
            Ok(named)
        }
        Some(other) => bail!(
            "{KERNEL_WHEEL}: {} is of version {other}, this project of {VERSION}",
            named.display()
        ),
        None => bail!("{KERNEL_WHEEL}: {} is not a wheel of twoviews-kernel", named.display()),
    }
}

/// Unpacks the wheel and says where its program is.
pub(super) fn program(wheel: &Path) -> Result<PathBuf> {
    let folder = paths::root().join("target/wheel");
    let program = folder.join("bin/twoviews-kernel");
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let stamp = folder.join("from.txt");
    let text = format!("{}\n{:?}\n", wheel.display(), changed(wheel));
    if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|it| it == text) {
        return Ok(program);
    }
    say(&format!("taking the kernel from {}", wheel.display()));
    folders::remove(&folder)?;
    let mut pip = Environment::of_the_project().pip();
    pip.args(["install", "--no-deps", "--no-index", "--target"]).arg(&folder).arg(wheel);
    tools::run_beside(&mut pip)?;
    folders::atomic_write(&stamp, text.as_bytes())?;
    Ok(program)
}

/// A wheel of this version for this machine in `dist`; the newest of several.
pub(crate) fn in_dist(root: &Path) -> Result<Option<PathBuf>> {
    let machine = Machine::this();
    let mut wheels: Vec<PathBuf> = fs::read_dir(root.join("dist"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| version(path).as_deref() == Some(VERSION) && machine.runs(&file_name(path)))
        .collect();
    wheels.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    Ok(wheels.pop())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The version in the name of a wheel of the kernel.
fn version(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".whl")?;
    Some(name.strip_prefix("twoviews_kernel-")?.split('-').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_wheel_tells_its_version_by_its_name() {
        let of = |name: &str| version(Path::new(name));
        let name = "/d/twoviews_kernel-0.2.0-py3-none-manylinux_2_34_x86_64.whl";
        assert_eq!(of(name).as_deref(), Some("0.2.0"));
        assert_eq!(of("/d/numpy-1.0-py3-none-any.whl"), None);
        assert_eq!(of("/d/twoviews_kernel-0.2.0.tar.gz"), None);
    }

    #[test]
    fn only_a_wheel_of_this_version_is_taken() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(in_dist(root.path()).unwrap(), None);
        fs::create_dir(root.path().join("dist")).unwrap();
        let wheel = |version: &str| {
            let path = root.path().join(format!("dist/twoviews_kernel-{version}-py3-none-any.whl"));
            fs::write(&path, "").unwrap();
            path
        };
        wheel("999.0.0");
        let elsewhere = format!("dist/twoviews_kernel-{VERSION}-py3-none-win_arm64.whl");
        fs::write(root.path().join(elsewhere), "").unwrap();
        assert_eq!(in_dist(root.path()).unwrap(), None);
        let own = wheel(VERSION);
        assert_eq!(in_dist(root.path()).unwrap(), Some(own.clone()));
        // The newest of several, whatever their names.
        for build in ["0", "~"] {
            let newer = wheel(&format!("{VERSION}-{build}"));
            let at = |path: &Path, seconds| {
                let file = fs::File::options().append(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
            };
            at(&own, 1000);
            at(&newer, 2000);
            assert_eq!(in_dist(root.path()).unwrap(), Some(newer.clone()));
            at(&own, 3000);
            assert_eq!(in_dist(root.path()).unwrap(), Some(own.clone()));
            fs::remove_file(newer).unwrap();
        }
    }

    #[test]
    fn a_named_file_that_is_no_wheel_of_this_version_is_refused_by_its_name() {
        let place = tempfile::tempdir().unwrap();
        let own = format!("twoviews_kernel-{VERSION}-py3-none-any.whl");
        let elsewhere = format!("twoviews_kernel-{VERSION}-py3-none-win_arm64.whl");
        for (name, says) in [
            (own.as_str(), None),
            (elsewhere.as_str(), Some("was built for another machine; this one is ")),
            ("twoviews_kernel-999.0.0-py3-none-x.whl", Some("of version 999.0.0")),
            ("numpy-1.0-py3-none-any.whl", Some("not a wheel of twoviews-kernel")),
        ] {
            let path = place.path().join(name);
            let said = |path: &Path| checked(path.to_owned()).unwrap_err().to_string();
            assert!(said(&path).contains("not there") && said(&path).contains(name));
            fs::write(&path, "").unwrap();
            match says {
                None => assert_eq!(checked(path.clone()).unwrap(), path),
                Some(says) => {
                    assert!(said(&path).contains(says) && said(&path).contains(name), "{name}");
                }
            }
        }
    }
}
