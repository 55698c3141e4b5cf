//! The six files of CIFAR-10's records, and whether they are what was unpacked.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::archive::RECORD_BYTES;
use crate::atomic_write::atomic_write;
use crate::{Error, Result};

pub(super) const BATCHES_FOLDER: &str = "cifar-10-batches-bin";
pub(super) const RECORDS_PER_FILE: usize = 10_000;
pub(super) const TRAIN_FILES: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
pub(super) const TEST_FILE: &str = "test_batch.bin";

/// Holds the checksums of the unpacked files, one `name CRC-32` a line, as `cksfv` writes them.
///
/// A CRC-32 finds any accident, and that of all six files takes 20 ms: so they are compared at every
/// start, and no file's time has to be trusted.
pub(super) const CHECKSUMS: &str = "checksums.sfv";

const UNPACK_HINT: &str = "Delete the folder, so that it is unpacked again";

/// Names of the six files.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TRAIN_FILES.into_iter().chain([TEST_FILE])
}

/// Whether the folder has at least one of the six files.
pub(super) fn any(folder: &Path) -> bool {
    names().any(|name| folder.join(name).is_file())
}

/// The names of the files that the folder lacks, if it lacks any.
pub(super) fn missing(folder: &Path) -> Option<String> {
    let missing: Vec<&str> = names().filter(|name| !folder.join(name).is_file()).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Whether all files are there and as they were unpacked.
pub(super) fn is_whole(folder: &Path) -> bool {
    missing(folder).is_none()
        && Checksums::read(folder).is_some_and(|checksums| {
            names().all(|name| {
                fs::read(folder.join(name)).is_ok_and(|content| checksums.fit(name, &content))
            })
        })
}

/// CRC-32 by file name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Checksums(BTreeMap<String, u32>);

impl Checksums {
    pub(super) fn add(&mut self, name: &str, content: &[u8]) {
        self.0.insert(name.to_owned(), crc32fast::hash(content));
    }

    pub(super) fn fit(&self, name: &str, content: &[u8]) -> bool {
        self.0.get(name) == Some(&crc32fast::hash(content))
    }

    /// The checksums in the folder's file, if it has all six.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(CHECKSUMS)).ok()?;
        let lines = text.lines().filter(|line| !line.starts_with(';'));
        let sums: BTreeMap<String, u32> = lines
            .filter_map(|line| {
                let (name, sum) = line.rsplit_once(' ')?;
                Some((name.trim().to_owned(), u32::from_str_radix(sum, 16).ok()?))
            })
            .collect();
        names().all(|name| sums.contains_key(name)).then_some(Self(sums))
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let line = |(name, sum): (&String, &u32)| format!("{name} {sum:08X}\n");
        let text: String = self.0.iter().map(line).collect();
        atomic_write(&folder.join(CHECKSUMS), text.as_bytes())
    }
}

/// The files of a folder, compared as they are read.
pub(super) struct BatchFolder {
    path: PathBuf,
    /// The checksums that the folder keeps, if it does.
    expected: Option<Checksums>,
    /// The checksums of what was read.
    pub(super) found: Checksums,
}

impl BatchFolder {
    /// # Errors
    /// [`Error::Format`] if a file is missing, or, where no checksums are kept, has not as many
    /// records as the others.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if let Some(missing) = missing(path) {
            return Err(Error::format(path, format!("it lacks {missing}"), UNPACK_HINT));
        }
        let expected = Checksums::read(path);
        if expected.is_none() {
            same_length(path)?;
        }
        Ok(Self { path: path.to_owned(), expected, found: Checksums::default() })
    }

    /// Whether the checksums of the files were known.
    pub(super) fn has_checksums(&self) -> bool {
        self.expected.is_some()
    }

    /// The content of a file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] if it is not what was unpacked.
    pub(super) fn file(&mut self, name: &str) -> Result<Vec<u8>> {
        let path = self.path.join(name);
        let content = fs::read(&path)
            .map_err(|e| Error::io("read", &path, e, "Check that the file may be read"))?;
        self.found.add(name, &content);
        match &self.expected {
            Some(expected) if !expected.fit(name, &content) => {
                Err(Error::format(path, "it has changed since it was unpacked", UNPACK_HINT))
            }
            _ => Ok(content),
        }
    }
}

/// Each of the official files has 10,000 records; in a smaller data set of the same layout they
/// still have equally many.
fn same_length(folder: &Path) -> Result<()> {
    let mut lengths = Vec::new();
    for name in names() {
        let path = folder.join(name);
        let length = fs::metadata(&path)
            .map_err(|e| Error::io("read", &path, e, "Check that the file may be read"))?
            .len();
        lengths.push((length, path));
    }
    let most = lengths.iter().map(|(length, _)| *length).max().unwrap_or_default();
    match lengths.into_iter().find(|(length, _)| *length != most) {
        Some((length, path)) => {
            let record = RECORD_BYTES as u64;
            let problem = format!(
                "{} records are there, {} in other batches",
                length / record,
                most / record
            );
            Err(Error::format(path, problem, UNPACK_HINT))
        }
        None => Ok(()),
    }
}
