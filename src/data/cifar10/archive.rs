//! The official archive `cifar-10-binary.tar.gz`: which files it may hold, how large, and their records: a label
//! byte, then the red, green and blue planes.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use twoviews_constants::variable;

use super::batches::{self, BATCHES_FOLDER, Checksums, RECORDS_PER_FILE};
use crate::data::download::{Lock, with_suffix};
use crate::notebook::check_interrupt;
use crate::{Error, Result};

/// Rows and columns of an image.
pub(super) const SIZE: usize = 32;

const PLANE: usize = SIZE * SIZE;

/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = 1 + 3 * PLANE;

const DAMAGED: &str = "Delete the archive so that it is downloaded again";

/// What to do where the files cannot be written.
fn room_hint() -> String {
    format!("Choose a folder with 200 MB of room ({})", variable::DATA)
}

/// Zeros that may follow the last file: tar fills its last block, of any size that people use.
const PADDING: u64 = 1 << 24;

/// Hands the files in the archive's folder to `visit`, by name and content.
///
/// # Errors
/// [`Error::Format`] if the archive is truncated, holds a path outside its folder or a file larger
/// than a batch, or its own checksum does not fit; [`Error::Io`] if it cannot be opened;
/// [`Error::Interrupted`]; and what `visit` returns.
pub(super) fn read(
    archive: &Path,
    mut visit: impl FnMut(&str, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let file = File::open(archive)
        .map_err(|e| Error::io("read", archive, e, "Check that the file may be read"))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    let damaged = |problem: String| Error::format(archive, problem, DAMAGED);
    for entry in tar.entries().map_err(|e| damaged(e.to_string()))? {
        check_interrupt(|| format!("reading {}", archive.display()))?;
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
    // The compressed stream's checksum stands at its end.
    io::copy(&mut tar.into_inner().take(PADDING), &mut io::sink())
        .map_err(|e| damaged(format!("it is truncated or damaged: {e}")))?;
    Ok(())
}

/// Unpacks the archive to `folder`, which appears with all its files or not at all. Files of a
/// folder that is there are replaced one by one, each by a whole one.
///
/// Of several processes one does it, and the others wait.
///
/// # Errors
/// As [`read`], [`Error::Format`] if a batch is missing, and [`Error::Io`] if the folder cannot be
/// written.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let lock =
        Lock::acquire(&with_suffix(folder, ".lock"), "it unpacks the archive", true, &room_hint())?;
    if batches::is_whole(folder) {
        return Ok(());
    }
    let temporary = if lock.is_shared() {
        with_suffix(folder, ".tmp")
    } else {
        with_suffix(folder, &format!(".{}.tmp", std::process::id()))
    };
    let unpacked = unpack_beside(archive, folder, &temporary);
    if temporary.exists() {
        let _ = fs::remove_dir_all(&temporary);
    }
    unpacked
}

fn unpack_beside(archive: &Path, folder: &Path, temporary: &Path) -> Result<()> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |e| Error::io("write", path, e, room_hint())
    };
    if temporary.exists() {
        // Of a process that was killed.
        fs::remove_dir_all(temporary).map_err(unwritable(temporary))?;
    }
    fs::create_dir_all(temporary).map_err(unwritable(temporary))?;
    let mut checksums = Checksums::default();
    let mut names = Vec::new();
    read(archive, |name, content| {
        checksums.add(name, &content);
        names.push(name.to_owned());
        let path = temporary.join(name);
        fs::write(&path, content).map_err(unwritable(&path))
    })?;
    if let Some(missing) = batches::missing(temporary) {
        return Err(Error::format(archive, format!("it lacks {missing}"), DAMAGED));
    }
    checksums.write(temporary).map_err(unwritable(temporary))?;
    if !folder.exists() {
        match fs::rename(temporary, folder) {
            Err(error) if !folder.exists() => return Err(unwritable(folder)(error)),
            renamed => {
                if renamed.is_ok() {
                    return Ok(());
                }
            }
        }
    }
    // The checksums come last: with them the others count as complete.
    names.push(batches::CHECKSUMS.to_owned());
    for name in names {
        let path = folder.join(&name);
        fs::rename(temporary.join(&name), &path).map_err(unwritable(&path))?;
    }
    Ok(())
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

/// Appends the records in `bytes` to `pixels` (row, column, channel) and `targets`.
///
/// # Errors
/// [`Error::Format`] if the last record is short or a label exceeds 9; `path` is named in it.
pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    pixels: &mut Vec<u8>,
    targets: &mut Vec<u8>,
) -> Result<()> {
    const HINT: &str = "Delete the file and its archive, so that they are downloaded again";
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() || records.is_empty() {
        let problem =
            format!("{} bytes are no whole number of records of {RECORD_BYTES} bytes", bytes.len());
        return Err(Error::format(path, problem, HINT));
    }
    for (i, record) in records.iter().enumerate() {
        let (target, planes) = (record[0], &record[1..]);
        if target > 9 {
            let problem = format!("record {i} has the label {target}, above 9");
            return Err(Error::format(path, problem, HINT));
        }
        targets.push(target);
        pixels
            .extend((0..PLANE).flat_map(|p| [planes[p], planes[PLANE + p], planes[2 * PLANE + p]]));
    }
    Ok(())
}
