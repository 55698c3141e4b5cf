//! cargo's folder, with the sources of all crates that cells can meet.
//!
//! cargo knows what it has compiled by the path of the sources, too: all users have the same folder, and so
//! nobody can add to it.

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
    folders::remove(&scratch)?;
    forget_others(&cargo)?;
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

/// Removes what was copied and is of no use here.
fn forget_others(cargo: &Path) -> Result<()> {
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
        forget_others(cargo.path()).unwrap();
        let left: Vec<_> =
            fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["anyhow-1.0.1.crate"]);
        // A folder without anything.
        forget_others(&cargo.path().join("nothing")).unwrap();
    }
}
