//! Where things lie in the project.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

/// A file that only the project's folder has.
const LANDMARK: &str = "xtask/python/requirements.txt";

/// The project's folder. Where this program was compiled says nothing: the folder may have been moved
/// since, and cargo does not compile again for that.
pub fn root() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    // `check` has said what is wrong where there is no such folder.
    ROOT.get_or_init(|| find().unwrap_or_default()).clone()
}

/// Finds the project's folder and refuses one whose name the tools cannot cope with.
pub fn check() -> Result<()> {
    check_name(&find()?)
}

/// The folder that cargo names when it starts this program, or else the one around the current folder
/// or this program.
fn find() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let places = [manifest, env::current_dir().ok(), env::current_exe().ok()];
    for place in places.into_iter().flatten() {
        if let Some(root) = place.ancestors().find(|folder| folder.join(LANDMARK).is_file()) {
            return Ok(root.to_owned());
        }
    }
    bail!("this is not the twoviews folder (it has no {LANDMARK}): change to it and start again")
}

/// Spaces, umlauts and quotes are fine; what separates folders in a list of folders, or stands for a
/// variable in a kernel's description or a script, is not.
pub(crate) fn check_name(root: &Path) -> Result<()> {
    let name = root.to_str().with_context(|| {
        format!("{} is not UTF-8, which cargo and Jupyter need: rename the folder", root.display())
    })?;
    let wrong = name.chars().find(|&c| r#":;$`"\"#.contains(c) || c.is_control());
    ensure!(
        wrong.is_none(),
        "the folder {name:?} has {:?} in its path, which compilers and Jupyter take for something \
         else (so they do : ; $ ` \" \\ and control characters): rename or move it",
        wrong.unwrap_or_default()
    );
    Ok(())
}

/// A program or file in the Python environment.
pub fn venv(name: &str) -> PathBuf {
    root().join(".venv").join(name)
}

/// The Python of the environment.
pub fn python() -> PathBuf {
    venv("bin/python")
}

/// A script or list of this crate.
pub fn script(name: &str) -> PathBuf {
    root().join("xtask/python").join(name)
}

/// The libtorch that everything is linked with.
pub fn libtorch() -> PathBuf {
    root().join(".libtorch")
}

/// The build directories of the kernels.
pub fn build_directories() -> PathBuf {
    root().join(".slots")
}

/// The first of them, which set-up fills.
pub fn build_directory() -> PathBuf {
    build_directories().join("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_tools_take_for_something_else_are_refused() {
        for good in
            ["/home/Jürgen/Eigene Dateien/two views", "/a/Kurs, Woche 3 (neu)", "/it's/u\u{308}"]
        {
            assert!(check_name(Path::new(good)).is_ok(), "{good}");
        }
        for bad in ["/a:b", "/a;b", "/$HOME", "/a\"b", "/a\\b", "/a`b", "/a\nb"] {
            let message = check_name(Path::new(bad)).unwrap_err().to_string();
            assert!(message.contains("rename"), "{message}");
        }
    }
}
