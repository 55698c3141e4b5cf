//! Crates' sources as rust-analyzer needs them to know types and to show documentation: without what functions do,
//! comments and tests.
//!
//! rust-analyzer keeps the text and the trees of what it reads for as long as the kernel runs, and what macros define
//! once more for each call. What a function does, no cell asks about.

mod text;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use twoviews_constants::variable::{BUILD_DIRECTORY, BUILD_TEMPLATE};

use super::cache::path_variable;

/// Changes with what an outline is.
const FORM: &str = "1";

/// Folders with what no cell can use.
pub(super) struct LeftOut {
    /// Their names at the top.
    pub above: &'static [&'static str],
    /// Their names further below.
    pub below: &'static [&'static str],
    /// Whether other crates' folders are such.
    pub crates: bool,
}

/// The outline of a source that does not change as long as `identity` is the same. All kernels of a user account that
/// share compiled crates share it, and with an installation for many users its users do.
pub(super) fn kept(source: &Path, left_out: &LeftOut, identity: &str) -> io::Result<PathBuf> {
    let beside =
        |name| Some(path_variable(name).as_deref().and_then(Path::parent)?.join("outlines"));
    let own = beside(BUILD_DIRECTORY);
    let own = own.ok_or_else(|| io::Error::other("there is no build directory"))?;
    kept_in(&own, beside(BUILD_TEMPLATE).as_deref(), source, left_out, identity)
}

/// In `folder`, unless `others` has it already.
fn kept_in(
    folder: &Path,
    others: Option<&Path>,
    source: &Path,
    left_out: &LeftOut,
    identity: &str,
) -> io::Result<PathBuf> {
    let name = format!("{}\n{identity}\n{FORM}", source.display());
    let name = &hex::encode(Sha256::digest(name))[..16];
    let places = [others.map(|it| it.join(name)), Some(folder.join(name))];
    if let Some(place) = places.into_iter().flatten().find(|it| it.is_dir()) {
        return Ok(place);
    }
    let place = folder.join(name);
    let new = place.with_extension(std::process::id().to_string());
    let made = write(source, left_out, &new).and_then(|()| fs::rename(&new, &place));
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&new);
        // Another kernel may have been faster.
        place.is_dir().then_some(()).ok_or(error)?;
    }
    Ok(place)
}

/// Makes a folder with the outline of a source; another one is removed.
pub(super) fn write(source: &Path, left_out: &LeftOut, place: &Path) -> io::Result<()> {
    let _ = fs::remove_dir_all(place);
    fs::create_dir_all(place)?;
    write_folder(source, place, left_out, left_out.above)
}

/// Makes the folder only if there is anything in it.
fn write_folder(from: &Path, to: &Path, left_out: &LeftOut, names: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or(".");
        if name.starts_with('.') || names.contains(&name) {
            continue;
        }
        let (place, is_link) = (to.join(name), path.is_symlink());
        if path.is_dir() && !is_link {
            if !left_out.crates || !path.join("Cargo.toml").is_file() {
                write_folder(&path, &place, left_out, left_out.below)?;
            }
            continue;
        }
        let is_source = name.ends_with(".rs");
        if is_source || is_link || name.starts_with("Cargo.") {
            fs::create_dir_all(to)?;
            match fs::read_to_string(&path).ok().filter(|_| is_source) {
                Some(text) => fs::write(place, text::outline(&text))?,
                None => symlink(&path, place)?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT_OUT_HERE: LeftOut = LeftOut { above: &["tests"], below: &["deep"], crates: true };

    #[test]
    fn a_folder_has_the_sources_that_lie_in_it() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("crate"), place.path().join("outline"));
        for (name, text) in [
            ("Cargo.toml", "[package]"),
            ("src/lib.rs", "fn f() { 1 }"),
            ("src/data.bin", "x"),
            ("src/tests/mod.rs", "fn t() { 1 }"),
            ("src/deep/mod.rs", ""),
            ("tests/it.rs", ""),
            ("data/x.csv", ""),
            ("other/Cargo.toml", ""),
            ("other/src/lib.rs", ""),
            (".venv/x.rs", ""),
        ] {
            let path = from.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(from.join("src/binary.rs"), [0xff]).unwrap();
        symlink(&from, from.join("src/circle")).unwrap();
        // A second time there is one already.
        for _ in 0..2 {
            write(&from, &LEFT_OUT_HERE, &to).unwrap();
            assert_eq!(fs::read_to_string(to.join("src/lib.rs")).unwrap(), "fn f() {}");
            assert_eq!(fs::read_to_string(to.join("src/tests/mod.rs")).unwrap(), "fn t() {}");
            assert_eq!(fs::read(to.join("src/binary.rs")).unwrap(), [0xff]);
            assert!(to.join("Cargo.toml").is_symlink() && to.join("src/circle").is_symlink());
            for missing in ["src/data.bin", "src/deep", "tests", "data", "other", ".venv"] {
                assert!(!to.join(missing).exists(), "{missing}");
            }
        }
    }

    #[test]
    fn an_outline_is_made_once_for_each_identity() {
        let place = tempfile::tempdir().unwrap();
        let (from, folder) = (place.path().join("crate"), place.path().join("outlines"));
        fs::create_dir_all(&from).unwrap();
        fs::write(from.join("lib.rs"), "fn f() { 1 }").unwrap();
        let kept = |folder: &Path, identity| kept_in(folder, None, &from, &LEFT_OUT_HERE, identity);
        let first = kept(&folder, "1").unwrap();
        fs::write(from.join("lib.rs"), "fn g() { 1 }").unwrap();
        assert_eq!(kept(&folder, "1").unwrap(), first);
        let second = kept(&folder, "2").unwrap();
        let text = |folder: &Path| fs::read_to_string(folder.join("lib.rs")).unwrap();
        assert_eq!([text(&first), text(&second)], ["fn f() {}", "fn g() {}"]);
        // A user of an installation makes none that it has.
        let own = place.path().join("own");
        let both = |identity| kept_in(&own, Some(&folder), &from, &LEFT_OUT_HERE, identity);
        assert_eq!(both("1").unwrap(), first);
        assert!(!own.exists() && both("3").unwrap().starts_with(&own));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        assert!(kept_in(&folder, None, &place.path().join("none"), &LEFT_OUT_HERE, "1").is_err());
    }
}
