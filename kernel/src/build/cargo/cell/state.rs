//! The state of the files that a compilation depends on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The state of a file: when it was last changed, in nanoseconds, and its length; `None` without one.
pub(super) type State = Option<(u128, u64)>;

/// What stands in files; `None` without one.
pub(super) type Texts = BTreeMap<PathBuf, Option<String>>;

/// The files that evcxr writes for each cell, but for the cell.
pub(super) fn own_texts(folder: &Path) -> Texts {
    let names = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"].map(|name| folder.join(name));
    names.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).ok())).collect()
}

pub(super) fn state(path: &Path) -> State {
    let data = std::fs::metadata(path).ok()?;
    Some((nanoseconds(data.modified().ok()?), data.len()))
}

pub(super) fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}
