//! A wheel of the kernel that is taken in place of building it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use twoviews_constants::variable::KERNEL_WHEEL;

use super::python::Environment;
use crate::say::say;
use crate::{folders, paths, tools};

/// The version of the workspace, and so the kernel's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The wheel that set-up is to take in place of a build: the one that is named, or one in `dist`.
pub(super) fn given() -> Result<Option<PathBuf>> {
    let Some(named) = std::env::var_os(KERNEL_WHEEL).filter(|name| !name.is_empty()) else {
        return in_dist(&paths::root());
    };
    let named = std::env::current_dir()?.join(named);
    ensure!(named.is_file(), "{KERNEL_WHEEL} names {}, which is not there", named.display());
    let found = version(&named);
    match found.as_deref() {
        Some(VERSION) => Ok(Some(named)),
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
    tools::run(&mut pip)?;
    folders::atomic_write(&stamp, text.as_bytes())?;
    Ok(program)
}

/// A wheel of this version in `dist`; the newest of several.
pub(crate) fn in_dist(root: &Path) -> Result<Option<PathBuf>> {
    let mut wheels: Vec<PathBuf> = fs::read_dir(root.join("dist"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| version(path).as_deref() == Some(VERSION))
        .collect();
    wheels.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    Ok(wheels.pop())
}

/// The version in the name of a wheel of the kernel.
fn version(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".whl")?;
    Some(name.strip_prefix("twoviews_kernel-")?.split('-').next()?.to_owned())
}

#[cfg(test)]
mod tests {
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
            let path = root.path().join(format!("dist/twoviews_kernel-{version}-py3-none-x.whl"));
            fs::write(&path, "").unwrap();
            path
        };
        wheel("999.0.0");
        assert_eq!(in_dist(root.path()).unwrap(), None);
        let own = wheel(VERSION);
        assert_eq!(in_dist(root.path()).unwrap(), Some(own));
    }
}
