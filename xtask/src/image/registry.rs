//! cargo's folder, with the sources of all crates that cells can meet.
//!
//! cargo knows what it has compiled by the path of the sources, too: all users have the same folder, and so
//! nobody can add to it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::files;
use crate::setup::library::Library;
use crate::setup::notebook_profile;
use crate::{folders, tools};

/// Below cargo's folder, by the name of each registry.
const CACHE: &str = "registry/cache";
const INDEX: &str = "registry/index";
const SOURCES: &str = "registry/src";

/// Fills `cargo` in the installation: what is in the folder of whoever calls this is not downloaded again.
/// `more` are the lines of further crates.
pub(super) fn bring(folder: &Path, more: &str) -> Result<()> {
    let (cargo, library) = (folder.join("cargo"), folder.join("library"));
    if let Some(own) = own() {
        files::copy(&own.join(INDEX), &cargo.join(INDEX))?;
        files::copy(&own.join(CACHE), &cargo.join(CACHE))?;
    }
    // As a cell's crate is: what the library is tested with is not needed.
    let scratch = folder.join("scratch");
    folders::remove(&scratch)?;
    fs::create_dir_all(scratch.join("src"))?;
    fs::write(scratch.join("src/lib.rs"), "")?;
    // TOML's strings have the escapes of JSON's.
    let manifest = format!(
        "[package]\nname = \"cells\"\nedition = \"2024\"\n[dependencies]\ntwoviews = {{ path = {} }}\n{more}\n[workspace]\n",
        json!(library)
    );
    fs::write(scratch.join("Cargo.toml"), manifest)?;
    fs::copy(library.join("Cargo.lock"), scratch.join("Cargo.lock"))?;
    fetch(folder, &scratch, &[])?;
    let std = folder.join("rust/lib/rustlib/src/rust/library");
    if std.join("Cargo.toml").is_file() {
        fetch(folder, &std, &["--locked"])?;
    }
    let mut names = names(&scratch)?;
    names.extend(self::names(&std)?);
    folders::remove(&scratch)?;
    forget_others(&cargo, &names)?;
    slim(&cargo.join(SOURCES))?;
    let profile = notebook_profile(&Library::read(&library).names);
    folders::atomic_write(
        &cargo.join("config.toml"),
        format!("# Nobody can add crates here.\n[net]\noffline = true\n\n{profile}").as_bytes(),
    )
}

/// The folder of whoever calls this.
fn own() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// Unpacks what the manifest in `place` needs, with the installation's cargo.
fn fetch(folder: &Path, place: &Path, more: &[&str]) -> Result<()> {
    let mut cargo = Command::new(folder.join("rust/bin/cargo"));
    cargo.args(["fetch", "--quiet"]).args(more).current_dir(place);
    tools::forget_package(&mut cargo);
    cargo.env("CARGO_HOME", folder.join("cargo")).env("RUSTC", folder.join("rust/bin/rustc"));
    // The standard library's manifest uses features of cargo that are not stable.
    cargo.env("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
    tools::run(cargo.env("RUSTC_BOOTSTRAP", "1"))
}

/// The packages in the lock file of `folder`, if there is one.
fn names(folder: &Path) -> Result<HashSet<String>> {
    let lock = folder.join("Cargo.lock");
    if !lock.is_file() {
        return Ok(HashSet::new());
    }
    let text = fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    let names = text.lines().filter_map(|line| line.strip_prefix("name = "));
    Ok(names.map(|name| name.trim_matches('"').to_lowercase()).collect())
}

/// Removes what was copied and is of no use here: packages without sources, and what the index says of others than
/// those of `names`.
fn forget_others(cargo: &Path, names: &HashSet<String>) -> Result<()> {
    for registry in fs::read_dir(cargo.join(INDEX)).into_iter().flatten().flatten() {
        forget_unnamed(&registry.path().join(".cache"), names)?;
    }
    for registry in fs::read_dir(cargo.join(CACHE)).into_iter().flatten().flatten() {
        let sources = cargo.join(SOURCES).join(registry.file_name());
        for packed in fs::read_dir(registry.path())? {
            let packed = packed?.path();
            let name = packed.file_stem().unwrap_or(OsStr::new(""));
            if !sources.join(name).is_dir() {
                fs::remove_file(&packed).with_context(|| packed.display().to_string())?;
            }
        }
    }
    Ok(())
}

/// Each package has a file in the index, below folders of the beginning of its name.
fn forget_unnamed(folder: &Path, names: &HashSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            forget_unnamed(&entry.path(), names)?;
        } else if !names.contains(&*entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes from the packages' sources what is neither Rust nor compiled here: libraries to link with on other systems,
/// and what a package has of others' sources for its own developers. It is half of all.
fn slim(sources: &Path) -> Result<()> {
    let subfolders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    for package in subfolders(sources).iter().flat_map(|registry| subfolders(registry)) {
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("tch-") {
            folders::remove(&package.join("third_party"))?;
        }
        if name.starts_with("windows") {
            folders::remove(&package.join("lib"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_without_sources_are_forgotten() {
        let cargo = tempfile::tempdir().unwrap();
        let (cache, sources) =
            (cargo.path().join(CACHE).join("r"), cargo.path().join(SOURCES).join("r"));
        fs::create_dir_all(&cache).unwrap();
        fs::create_dir_all(sources.join("anyhow-1.0.1")).unwrap();
        for name in ["anyhow-1.0.1.crate", "anyhow-1.0.2.crate", "ra_ap_syntax-0.0.1.crate"] {
            fs::write(cache.join(name), "").unwrap();
        }
        let index = cargo.path().join(INDEX).join("r/.cache");
        for name in ["an/yh/anyhow", "ra/_a/ra_ap_syntax", "3/u/url"] {
            fs::create_dir_all(index.join(name).parent().unwrap()).unwrap();
            fs::write(index.join(name), "").unwrap();
        }
        let lock = cargo.path().join("Cargo.lock");
        fs::write(lock, "[[package]]\nname = \"Anyhow\"\nversion = \"1\"\n").unwrap();
        let names = names(cargo.path()).unwrap();
        assert_eq!(names, HashSet::from(["anyhow".to_owned()]));
        forget_others(cargo.path(), &names).unwrap();
        assert!(index.join("an/yh/anyhow").exists());
        assert!(!index.join("ra/_a/ra_ap_syntax").exists() && !index.join("3/u/url").exists());
        let left: Vec<_> =
            fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["anyhow-1.0.1.crate"]);
        // A folder without anything.
        forget_others(&cargo.path().join("nothing"), &names).unwrap();
    }

    #[test]
    fn libraries_of_other_systems_go_and_sources_stay() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = place.path().join("r").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        let stay =
            ["tch-1.0.0/src/lib.rs", "windows_gnu-1.0.0/src/lib.rs", "anyhow-1.0.0/lib/a.rs"]
                .map(file);
        let go =
            ["tch-1.0.0/third_party/torch.tar", "windows_gnu-1.0.0/lib/libwindows.a"].map(file);
        slim(place.path()).unwrap();
        assert!(stay.iter().all(|path| path.exists()) && !go.iter().any(|path| path.exists()));
    }
}
