//! CIFAR-10 from its official binary archive.

mod archive;
mod batches;

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use twoviews_constants::variable;

use self::batches::{BATCHES_FOLDER, BatchFolder, RECORDS_PER_FILE, TEST_FILE, TRAIN_FILES};
use super::ImageDataset;
use super::cache::cache_folder;
use super::download::{Lock, download, expand_home, md5_of, with_suffix};
use crate::notebook::note;
use crate::{Error, Result};

/// Class names, in the order of the class indices.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Where the data set's authors serve the binary archive.
pub const CIFAR10_URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";

/// The MD5 that the data set's authors publish for it.
pub const CIFAR10_MD5: &str = "c32a1d4ab5d03f1284b67883e8d87530";

const ARCHIVE: &str = "cifar-10-binary.tar.gz";

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
    /// Unpacked files are compared with the checksums that were kept when they were unpacked; a
    /// folder without them with an archive beside it, once, and otherwise the files must have equally
    /// many records. What is missing or damaged is unpacked again.
    ///
    /// # Errors
    /// [`Error::Download`], [`Error::Checksum`], [`Error::Format`], [`Error::Parameter`] or
    /// [`Error::Io`], each with what to do; nothing half-written is left behind.
    pub fn load(config: &Cifar10Config) -> Result<Self> {
        let source = Source::new(config)?;
        let (folder, archive) = source.paths();
        if !batches::any(&folder) {
            source.fetch(&archive)?;
            return Self::unpacked(&archive, &folder);
        }
        let damage = match Self::from_folder(&folder) {
            Ok((cifar10, files)) => {
                let compared = archive.is_file() && !files.has_checksums();
                match compared.then(|| Source::compare(&archive, &folder, &files)).flatten() {
                    None => return Ok(cifar10),
                    Some(damage) => damage,
                }
            }
            Err(damage @ (Error::Format { .. } | Error::Io { .. })) => damage,
            Err(error) => return Err(error),
        };
        let (path, problem) = match damage {
            Error::Format { path, problem, .. } => (path, problem),
            error => (folder.clone(), error.to_string()),
        };
        source.fetch(&archive).map_err(|error| match error {
            interrupted @ Error::Interrupted { .. } => interrupted,
            error => {
                Error::format(&path, &problem, format!("The archive is not to be had: {error}"))
            }
        })?;
        note(&format!("{}: {problem}; the archive is used instead", path.display()));
        Self::unpacked(&archive, &folder)
    }

    fn unpacked(archive: &Path, folder: &Path) -> Result<Self> {
        match archive::unpack(archive, folder) {
            Ok(()) => Self::from_folder(folder).map(|(cifar10, _)| cifar10),
            // A folder that may not be written, or is full, can still be read from.
            Err(Error::Io { action: "write", .. }) => Self::from_archive(archive),
            Err(error) => Err(error),
        }
    }

    fn from_folder(folder: &Path) -> Result<(Self, BatchFolder)> {
        let mut files = BatchFolder::open(folder)?;
        let cifar10 = Self::from_files(folder, |name| files.file(name))?;
        Ok((cifar10, files))
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
            let mut pixels = Vec::with_capacity(images * (archive::RECORD_BYTES - 1));
            let mut targets = Vec::with_capacity(images);
            for name in names {
                archive::parse(&origin.join(name), &file(name)?, &mut pixels, &mut targets)?;
            }
            let classes = CIFAR10_CLASSES.map(str::to_owned).to_vec();
            let size = (archive::SIZE, archive::SIZE);
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
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let url = config.url.clone().or_else(|| set(variable::CIFAR10_URL));
        let url = url.unwrap_or_else(|| CIFAR10_URL.to_owned());
        let official = (url == CIFAR10_URL).then(|| CIFAR10_MD5.to_owned());
        let md5 = config.md5.clone().or_else(|| set(variable::CIFAR10_MD5));
        let data_dir = config.data_dir.clone().or_else(|| set(variable::DATA).map(Into::into));
        let data_dir = match data_dir {
            Some(folder) => expand_home(&folder),
            None => cache_folder()?.join(if official.is_some() {
                "cifar10".to_owned()
            } else {
                // Archives from different addresses must not be taken for one another.
                format!("cifar10-{:016x}", fnv1a(url.as_bytes()))
            }),
        };
        Ok(Self { data_dir, url, md5: md5.or(official) })
    }

    /// The folder with the batches and the archive.
    fn paths(&self) -> (PathBuf, PathBuf) {
        let folder = self.data_dir.join(BATCHES_FOLDER);
        if batches::any(&folder) || !batches::any(&self.data_dir) {
            return (folder, self.data_dir.join(ARCHIVE));
        }
        // The folder itself is the unpacked one; then the archive stands beside it.
        let beside = self.data_dir.file_name().is_some_and(|name| name == BATCHES_FOLDER);
        let parent = if beside { self.data_dir.parent() } else { None };
        (self.data_dir.clone(), parent.unwrap_or(&self.data_dir).join(ARCHIVE))
    }

    /// Downloads the archive, or compares the one that is there with its checksum.
    fn fetch(&self, archive: &Path) -> Result<()> {
        if archive.is_file() {
            self.check(archive)
        } else {
            download(&self.url, self.md5.as_deref(), archive)
        }
    }

    /// Compares files without checksums with the archive beside them, and keeps their checksums, so
    /// that this happens once. Returns what is wrong.
    ///
    /// Where nothing can be written the files are taken as they are: to read the archive takes longer
    /// than all the rest of a start.
    fn compare(archive: &Path, folder: &Path, files: &BatchFolder) -> Option<Error> {
        let lock = with_suffix(folder, ".lock");
        let _lock = Lock::acquire(&lock, "it compares the unpacked files", true, "").ok()?;
        let mut wrong = Vec::new();
        let read = archive::read(archive, |name, content| {
            if batches::names().any(|batch| batch == name) && !files.found.fit(name, &content) {
                wrong.push(name.to_owned());
            }
            Ok(())
        });
        // If none is the same, or the archive is damaged, the files are of another origin.
        if read.is_err() || wrong.is_empty() || wrong.len() == batches::names().count() {
            let _ = files.found.write(folder);
            return None;
        }
        let problem = format!("{} differ from {}", wrong.join(", "), archive.display());
        Some(Error::format(folder, problem, "The archive has them"))
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
            note(&format!(
                "{} is not the official archive (MD5 {found}); it is used as it is.",
                archive.display()
            ));
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
