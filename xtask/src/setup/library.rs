//! The library that notebooks load: this project's crate and those of its folder that it depends on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders of a crate that are no part of its library.
const APART: [&str; 5] = ["benches", "examples", "notebooks", "target", "tests"];

/// The crates, by their manifests.
pub struct Library {
    /// The packages' names, the one that notebooks name first.
    pub names: Vec<String>,
    /// `Cargo.lock`, and each crate's manifest, build script and sources, of whatever language.
    files: Vec<PathBuf>,
}

impl Library {
    /// Follows the paths in the manifests, from that of the project's folder `root` on.
    pub fn read(root: &Path) -> Self {
        let mut library = Self { names: Vec::new(), files: vec![root.join("Cargo.lock")] };
        let (mut known, mut left) = (BTreeSet::new(), vec![root.to_owned()]);
        while let Some(folder) = left.pop() {
            let manifest = folder.join("Cargo.toml");
            let Ok(text) = fs::read_to_string(&manifest) else { continue };
            if !known.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())) {
                continue;
            }
            library.names.extend(quoted(&text, "name = \"").next().map(str::to_owned));
            library.files.extend([manifest, folder.join("build.rs")]);
            // A crate may keep more than Rust in its folder; the project's has other packages, too.
            if folder == root {
                collect(&root.join("src"), &mut library.files);
            } else {
                collect(&folder, &mut library.files);
            }
            left.extend(quoted(&text, "path = \"").map(|path| folder.join(path)));
        }
        library
    }

    /// The files that are compiled into the library, in order; not all of those that may be there are.
    pub fn sources(&self) -> Vec<&Path> {
        let mut all: Vec<&Path> = self.files.iter().map(PathBuf::as_path).collect();
        all.sort();
        all
    }

    /// The time of the last change.
    pub(super) fn changed(&self) -> SystemTime {
        let changed = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
        self.files.iter().filter_map(changed).max().unwrap_or_else(SystemTime::now)
    }
}

/// What stands in quotes after each `name` in a manifest.
fn quoted<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(name).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if !path.is_dir() {
            files.push(path);
        } else if !APART.iter().any(|apart| name == *apart) {
            collect(&path, files);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;

    /// As cargo sees them.
    fn packages() -> Vec<(String, PathBuf)> {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
            .current_dir("..")
            .output()
            .unwrap();
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let (mut found, mut left) = (Vec::new(), vec!["twoviews".to_owned()]);
        while let Some(name) = left.pop() {
            let package = packages.iter().find(|package| package["name"] == *name).unwrap();
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            let own = package["dependencies"].as_array().unwrap().iter();
            let own = own.filter(|it| !it["path"].is_null() && it["kind"] != "dev");
            left.extend(own.map(|it| it["name"].as_str().unwrap().to_owned()));
            let entry = (name, manifest.parent().unwrap().to_owned());
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_library_is_what_cargo_compiles_of_this_project() {
        let library = Library::read(&Path::new("..").canonicalize().unwrap());
        assert_eq!(library.names[0], "twoviews");
        let mut names = library.names.clone();
        names.sort();
        let packages = packages();
        assert_eq!(names, packages.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        for (_, folder) in packages {
            for file in ["Cargo.toml", "src/lib.rs"] {
                assert!(library.files.contains(&folder.join(file)), "{folder:?} {file}");
            }
        }
    }

    #[test]
    fn a_change_in_any_crate_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let sources = [
            (
                "Cargo.toml",
                "[package]\nname = \"it\"\n[dependencies]\na = { path = \"crates/a\" }\n",
            ),
            ("Cargo.lock", ""),
            ("build.rs", ""),
            ("src/lib.rs", ""),
            ("src/deep/in/it.rs", ""),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n[dependencies]\nb.path = \"../b\"\n"),
            ("crates/a/build.rs", ""),
            ("crates/a/src/lib.rs", ""),
            ("crates/a/shim.cpp", ""),
            ("crates/b/Cargo.toml", "[package]\nname = \"b\"\n"),
            ("crates/b/src/lib.rs", ""),
        ];
        let others = [
            ("README.md", ""),
            ("tests/it.rs", ""),
            ("xtask/src/main.rs", ""),
            ("crates/a/tests/it.rs", ""),
            ("crates/c/Cargo.toml", "[package]\nname = \"c\"\n"),
        ];
        for (name, text) in sources.iter().chain(&others) {
            write(name, text);
        }
        assert_eq!(Library::read(place.path()).names, ["it", "a", "b"]);
        let later = SystemTime::now() + Duration::from_secs(60);
        for (name, is_source) in
            sources.map(|it| (it.0, true)).into_iter().chain(others.map(|it| (it.0, false)))
        {
            let file = fs::File::options().append(true).open(place.path().join(name)).unwrap();
            let before = file.metadata().unwrap().modified().unwrap();
            file.set_modified(later).unwrap();
            assert_eq!(Library::read(place.path()).changed() == later, is_source, "{name}");
            file.set_modified(before).unwrap();
        }
    }
}
