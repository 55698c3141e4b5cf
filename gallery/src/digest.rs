//! What an execution depends on, as one number: it is repeated when that changes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use xtask::lessons::lesson::{Lesson, code_cells};
use xtask::setup::library::Library;

/// Collects what matters; the order in which it is added matters, too.
#[derive(Clone, Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    /// Adds a text under a name, so that neighbours cannot be taken for one another.
    pub(crate) fn text(&mut self, name: &str, text: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), text.as_ref()] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// Adds a file, or all files of a folder with their names; what is not there counts as empty.
    pub(crate) fn files(&mut self, root: &Path, name: impl AsRef<Path>) -> Result<()> {
        for path in files(&root.join(name))? {
            let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let name = path.strip_prefix(root).unwrap_or(&path);
            self.text(&name.to_string_lossy(), content);
        }
        Ok(())
    }

    pub(crate) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A file, or all files below a folder, in order.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut all = Vec::new();
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
        let mut entries = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        entries.sort();
        for entry in entries.iter().filter(|entry| !entry.ends_with("__pycache__")) {
            all.extend(files(entry)?);
        }
    }
    Ok(all)
}

/// What the library is compiled from, its documentation included.
pub(crate) fn of_library(root: &Path) -> Result<Digest> {
    let mut digest = Digest::default();
    for path in Library::read(root).sources() {
        digest.files(root, path)?;
    }
    Ok(digest)
}

/// What all lessons depend on: the library, the kernel and what executes notebooks.
pub(crate) fn of_everything(root: &Path) -> Result<Digest> {
    let mut digest = of_library(root)?;
    for name in ["kernel/Cargo.toml", "kernel/src", "xtask/python/requirements.txt"] {
        digest.files(root, name)?;
    }
    Ok(digest)
}

/// A lesson's code. Its prose is not executed.
pub(crate) fn add_code(digest: &mut Digest, lesson: &Lesson) {
    digest.text("kernel", lesson.notebook["metadata"]["kernelspec"]["name"].to_string());
    for cell in code_cells(&lesson.notebook) {
        digest.text(&cell.id, cell.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_count_by_name_and_content_and_time_does_not() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let hex = || of_library(root).unwrap().hex();
        let everything = || of_everything(root).unwrap().hex();
        // The library is what the manifests lead to.
        fs::create_dir_all(root.join("crates/a")).unwrap();
        fs::write(root.join("Cargo.toml"), "a = { path = \"crates/a\" }").unwrap();
        fs::write(root.join("crates/a/Cargo.toml"), "").unwrap();
        let empty = hex();
        for name in ["Cargo.lock", "build.rs", "src/data/a.rs", "crates/a/a.cpp"] {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            assert_eq!(hex(), empty, "{name}");
            fs::write(&file, "1").unwrap();
            let first = hex();
            assert_ne!(first, empty, "{name}");
            fs::write(&file, "2").unwrap();
            assert_ne!(hex(), first, "{name}");
            fs::write(&file, "1").unwrap();
            assert_eq!(hex(), first, "{name}");
            fs::rename(&file, file.with_file_name("b")).unwrap();
            assert_ne!(hex(), first, "{name}");
            fs::remove_file(file.with_file_name("b")).unwrap();
        }
        // Tests of a crate, and crates that the library does not use.
        for name in ["crates/a/tests/a.rs", "crates/b/src/lib.rs", "README.md"] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "").unwrap();
            assert_eq!(hex(), empty, "{name}");
        }
        // Not of the crate, but of what executes.
        for name in ["kernel/Cargo.toml", "kernel/src/main.rs", "xtask/python/requirements.txt"] {
            let (file, whole) = (root.join(name), everything());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            assert_eq!(hex(), empty, "{name}");
            assert_ne!(everything(), whole, "{name}");
        }
    }

    #[test]
    fn prose_does_not_count_and_code_does() {
        let lesson = |prose: &str, code: &str| Lesson {
            name: "x".into(),
            path: "x.ipynb".into(),
            notebook: json!({"metadata": {"kernelspec": {"name": "rust"}}, "cells": [
                {"cell_type": "markdown", "id": "m", "source": prose},
                {"cell_type": "code", "id": "c", "source": code},
            ]}),
        };
        let hex = |prose, code| {
            let mut digest = Digest::default();
            add_code(&mut digest, &lesson(prose, code));
            digest.hex()
        };
        assert_eq!(hex("old", "1"), hex("new", "1"));
        assert_ne!(hex("old", "1"), hex("old", "2"));
    }
}
