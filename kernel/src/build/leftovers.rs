//! What kernels leave in a build directory, and the one that has it now does not need.
//!
//! Each cell becomes a library of its own, from which a panic's lines are read as long as the process of the cells
//! runs. rustc keeps for each build of a crate that lies on this machine what it knows of its parts, in a folder for
//! each set of settings and versions, and cargo removes none of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// evcxr's name for the library of a cell, before its number.
pub(crate) const CELL: &str = "libcode_";

/// Removes the libraries of all cells. Processes that have loaded them go on.
pub(crate) fn remove_cells(folder: &Path) {
    for file in hosts(folder).iter().flat_map(|host| entries(host)) {
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CELL)) {
            let _ = fs::remove_file(file);
        }
    }
}

/// Keeps of what rustc knows of a crate's parts only that of its last build: without it a build takes longer, once.
pub(super) fn remove_old_parts(folder: &Path) {
    for host in hosts(folder) {
        let mut builds: BTreeMap<String, Vec<(SystemTime, PathBuf)>> = BTreeMap::new();
        for path in entries(&host.join("incremental")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((name, _)) = name.rsplit_once('-')
                && let Ok(changed) = fs::metadata(&path).and_then(|data| data.modified())
            {
                builds.entry(name.to_owned()).or_default().push((changed, path));
            }
        }
        for mut builds in builds.into_values() {
            builds.sort();
            builds.pop();
            for (_, path) in builds {
                let _ = fs::remove_dir_all(path);
            }
        }
    }
}

/// The folders of what is compiled for the machine's triple, and without one.
fn hosts(folder: &Path) -> Vec<PathBuf> {
    let target = folder.join("target");
    let triples = entries(&target).into_iter().map(|triple| triple.join("debug"));
    triples.chain([target.join("debug")]).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn cells_and_old_parts_go_and_crates_stay() {
        let place = tempfile::tempdir().unwrap();
        let debug = place.path().join("target/some-triple/debug");
        let incremental = debug.join("incremental");
        for (age, name) in
            [(30, "ctx-1"), (10, "ctx-2"), (20, "ctx-3"), (40, "my-crate-1"), (50, "my-9")]
        {
            fs::create_dir_all(incremental.join(name).join("s-1")).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            fs::File::open(incremental.join(name)).unwrap().set_modified(time).unwrap();
        }
        fs::create_dir(debug.join("deps")).unwrap();
        for name in ["libcode_1.so", "libcode_20.so", "libctx.d", "deps/libcode_reader-1a.rlib"] {
            fs::write(debug.join(name), "x").unwrap();
        }
        remove_cells(place.path());
        remove_old_parts(place.path());
        for there in ["libctx.d", "deps/libcode_reader-1a.rlib"] {
            assert!(debug.join(there).exists(), "{there}");
        }
        assert!(!debug.join("libcode_1.so").exists() && !debug.join("libcode_20.so").exists());
        let mut left: Vec<_> = entries(&incremental);
        left.sort();
        assert_eq!(left, ["ctx-2", "my-9", "my-crate-1"].map(|name| incremental.join(name)));
        // Nothing was compiled yet.
        remove_cells(&place.path().join("nowhere"));
        remove_old_parts(&place.path().join("nowhere"));
    }
}
