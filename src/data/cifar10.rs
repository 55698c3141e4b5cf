//! CIFAR-10 from its official binary archive.

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::download::{download, md5_of};
use super::{ImageDataset, archive, records};
use crate::{Error, Result};

/// Class names, in the order of the class indices.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Where the data set's authors serve the binary archive.
pub const CIFAR10_URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";

/// The MD5 that the data set's authors publish for it.
pub const CIFAR10_MD5: &str = "c32a1d4ab5d03f1284b67883e8d87530";

pub(super) const BATCHES_FOLDER: &str = "cifar-10-batches-bin";
pub(super) const RECORDS_PER_FILE: usize = 10_000;
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
const TRAIN_FILES: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const TEST_FILE: &str = "test_batch.bin";

/// Where CIFAR-10 comes from and where it is kept. A `None` asks the environment, then the default.
///
/// | name | environment | default |
/// |---|---|---|
/// | `data_dir` | `TWOVIEWS_DATA` | the user's cache folder |
/// | `url` | `TWOVIEWS_CIFAR10_URL` | [`CIFAR10_URL`]; `file://` works |
/// | `md5` | `TWOVIEWS_CIFAR10_MD5` | [`CIFAR10_MD5`] for the official address, otherwise unchecked |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cifar10Config {
    /// Folder that holds `cifar-10-batches-bin/` or the archive, or will; it may be read-only and
    /// shared when the data are there.
    pub data_dir: Option<PathBuf>,
    /// Address of the archive.
    pub url: Option<String>,
    /// MD5 of the archive.
    pub md5: Option<String>,
}

/// CIFAR-10: 50,000 images to learn from and 10,000 to test on.
///
/// Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
///
/// ```no_run
/// use twoviews::data::{Cifar10, Cifar10Config};
/// let cifar10 = Cifar10::load(&Cifar10Config::default())?;
/// assert_eq!(cifar10.train.len(), 50_000);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone)]
pub struct Cifar10 {
    /// The five training batches.
    pub train: ImageDataset,
    /// The test batch.
    pub test: ImageDataset,
    /// The folder that the images were read from.
    pub folder: PathBuf,
}

impl fmt::Debug for Cifar10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CIFAR10: {} train and {} test images from {}",
            self.train.len(),
            self.test.len(),
            self.folder.display()
        )
    }
}

impl Cifar10 {
    /// Reads the images; downloads and unpacks the archive first if the folder has neither.
    ///
    /// # Errors
    /// [`Error::Download`], [`Error::Checksum`], [`Error::Format`] or [`Error::Io`], each with what
    /// to do; nothing half-written is left behind.
    pub fn load(config: &Cifar10Config) -> Result<Self> {
        let source = Source::new(config)?;
        let folder = source.data_dir.join(BATCHES_FOLDER);
        // The folder itself may be the unpacked one.
        for folder in [&folder, &source.data_dir] {
            if folder.join(TEST_FILE).is_file() {
                return Self::from_folder(folder);
            }
        }
        let archive = source.data_dir.join(ARCHIVE);
        if archive.is_file() {
            source.check(&archive)?;
        } else {
            download(&source.url, source.md5.as_deref(), &archive)?;
        }
        match archive::unpack(&archive, &folder) {
            Ok(()) => Self::from_folder(&folder),
            // A folder that may not be written, or is full, can still be read from.
            Err(Error::Io { action: "write", .. }) => Self::from_archive(&archive),
            Err(error) => Err(error),
        }
    }

    fn from_folder(folder: &Path) -> Result<Self> {
        Self::from_files(folder, |name| {
            let path = folder.join(name);
            fs::read(&path).map_err(|e| {
                let hint = format!("{} must hold all six batches", folder.display());
                Error::io("read", path, e, hint)
            })
        })
    }

    fn from_archive(path: &Path) -> Result<Self> {
        let mut files = HashMap::new();
        archive::read(path, |name, content| {
            files.insert(name.to_owned(), content);
            Ok(())
        })?;
        Self::from_files(path, |name| {
            files.remove(name).ok_or_else(|| {
                Error::format(path, format!("it lacks {name}"), "Delete it and download it again")
            })
        })
    }

    fn from_files(origin: &Path, mut file: impl FnMut(&str) -> Result<Vec<u8>>) -> Result<Self> {
        let mut dataset = |split: &str, names: &[&str]| {
            let images = names.len() * RECORDS_PER_FILE;
            let mut pixels = Vec::with_capacity(images * (records::RECORD_BYTES - 1));
            let mut targets = Vec::with_capacity(images);
            for name in names {
                records::parse(&origin.join(name), &file(name)?, &mut pixels, &mut targets)?;
            }
            let classes = CIFAR10_CLASSES.map(str::to_owned).to_vec();
            let size = (records::SIZE, records::SIZE);
            ImageDataset::new(&format!("CIFAR10 {split}"), size, pixels, targets, classes)
        };
        Ok(Self {
            train: dataset("train", &TRAIN_FILES)?,
            test: dataset("test", &[TEST_FILE])?,
            folder: origin.to_owned(),
        })
    }
}

/// The configuration with the environment and the defaults filled in.
struct Source {
    data_dir: PathBuf,
    url: String,
    md5: Option<String>,
}

impl Source {
    fn new(config: &Cifar10Config) -> Result<Self> {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let url = config.url.clone().or_else(|| variable("TWOVIEWS_CIFAR10_URL"));
        let url = url.unwrap_or_else(|| CIFAR10_URL.to_owned());
        let official = (url == CIFAR10_URL).then(|| CIFAR10_MD5.to_owned());
        let md5 = config.md5.clone().or_else(|| variable("TWOVIEWS_CIFAR10_MD5"));
        let data_dir =
            config.data_dir.clone().or_else(|| variable("TWOVIEWS_DATA").map(Into::into));
        let data_dir = match data_dir {
            Some(folder) => folder,
            None => crate::cache_folder()?.join(if official.is_some() {
                "cifar10".to_owned()
            } else {
                // Archives from different addresses must not be taken for one another.
                format!("cifar10-{:016x}", fnv1a(url.as_bytes()))
            }),
        };
        Ok(Self { data_dir, url, md5: md5.or(official) })
    }

    /// Compares an archive that lies in the folder with the checksum. An archive that somebody put
    /// there under the default settings may be a copy of another origin: that is said, not refused,
    /// because every record is checked anyway.
    fn check(&self, archive: &Path) -> Result<()> {
        let Some(expected) = &self.md5 else { return Ok(()) };
        let found = md5_of(archive)?;
        if found.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        if expected == CIFAR10_MD5 {
            eprintln!(
                "{} is not the official archive (MD5 {found}); it is used as it is.",
                archive.display()
            );
            return Ok(());
        }
        Err(Error::Checksum {
            path: archive.to_owned(),
            expected: expected.clone(),
            found,
            hint: "Delete the file so that it is downloaded again, or correct the checksum".into(),
        })
    }
}

/// A short name for an address.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
