//! The official archive `cifar-10-binary.tar.gz`: which files it may hold, and how large.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;

use super::cifar10::{BATCHES_FOLDER, RECORDS_PER_FILE};
use super::records::RECORD_BYTES;
use crate::{Error, Result};

const DAMAGED: &str = "Delete the archive so that it is downloaded again";

/// Hands the files in the archive's folder to `visit`, by name and content.
///
/// # Errors
/// [`Error::Format`] if the archive is truncated, holds a path outside its folder or a file larger
/// than a batch; [`Error::Io`] if it cannot be opened; and what `visit` returns.
pub(super) fn read(
    archive: &Path,
    mut visit: impl FnMut(&str, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let file = File::open(archive)
        .map_err(|e| Error::io("read", archive, e, "Check that the file may be read"))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    let damaged = |problem: String| Error::format(archive, problem, DAMAGED);
    for entry in tar.entries().map_err(|e| damaged(e.to_string()))? {
        let mut entry = entry.map_err(|e| damaged(format!("it is truncated or damaged: {e}")))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(|e| damaged(e.to_string()))?.into_owned();
        let name = name_in_folder(&path)
            .ok_or_else(|| damaged(format!("{} lies outside {BATCHES_FOLDER}/", path.display())))?;
        let limit = (RECORDS_PER_FILE * RECORD_BYTES) as u64;
        if entry.size() > limit {
            return Err(damaged(format!(
                "{name} has {} bytes, more than the {limit} of a batch",
                entry.size()
            )));
        }
        let mut content = Vec::with_capacity(entry.size() as usize);
        entry
            .read_to_end(&mut content)
            .map_err(|e| damaged(format!("{name} is truncated or damaged: {e}")))?;
        visit(&name, content)?;
    }
    Ok(())
}

/// Unpacks the archive to `folder`, which appears with all its files or not at all.
///
/// # Errors
/// As [`read`], and [`Error::Io`] if the folder cannot be written.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |e| Error::io("write", path, e, "Choose a folder with 200 MB of room (TWOVIEWS_DATA)")
    };
    let temporary = folder.with_extension(format!("{}.tmp", std::process::id()));
    fs::create_dir_all(&temporary).map_err(unwritable(&temporary))?;
    let unpacked = read(archive, |name, content| {
        let path = temporary.join(name);
        fs::write(&path, content).map_err(unwritable(&path))
    })
    .and_then(|()| match fs::rename(&temporary, folder) {
        // Another process was quicker; its folder is as good.
        Err(_) if folder.is_dir() => Ok(()),
        renamed => renamed.map_err(unwritable(folder)),
    });
    if temporary.exists() {
        let _ = fs::remove_dir_all(&temporary);
    }
    unpacked
}

/// The file's name if the path is `cifar-10-batches-bin/name` and nothing else.
fn name_in_folder(path: &Path) -> Option<String> {
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    match (parts.next()?, parts.next()?, parts.next()) {
        (Component::Normal(folder), Component::Normal(name), None) if folder == BATCHES_FOLDER => {
            name.to_str().map(str::to_owned)
        }
        _ => None,
    }
}
