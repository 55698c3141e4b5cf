//! Tensors by name from a file, whatever its name, without executing anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::StateDict;
use super::fault::{Fault, Outcome};
use super::file_format::{FileFormat, detect_format};
use super::layout::{ByteRange, Entry, Layout, Unreadable};
use super::legacy::read_legacy;
use super::safetensors::read_header;
use super::storage::StorageReader;
use super::tensors::{Tensors, named_tensors};
use super::zip::Archive;
use crate::{Error, Result};

/// The tensors of a checkpoint by name.
///
/// What a file is, its content says, not its name:
///
/// | file | tensors |
/// |---|---|
/// | of `torch.save` with a key `state_dict`, as Lightning's `.ckpt` | those under this key |
/// | of `torch.save` otherwise | all; keys of nested dicts and lists are joined with dots |
/// | a module or TorchScript module that was saved whole | those of its `state_dict()` |
/// | safetensors | all |
///
/// Both formats of `torch.save` are read, with every protocol of pickle. Pickles are data here:
/// nothing in them runs, objects of unknown classes are skipped, and what they may ask for in
/// memory and depth is bounded. Of the numbers only those that belong to these tensors are read.
///
/// Kinds are PyTorch's, except that uint16 becomes `Int` and uint32 and uint64 `Int64`. Rows lie
/// one after the other; views of the same numbers may share their memory, as in PyTorch. Tensors that
/// are sparse, quantized, nested or without numbers are left out.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened or read, [`Error::Format`] if it is none of these,
/// is damaged, or has no tensors by name; the message says what it is instead.
///
/// ```
/// use twoviews::tch::Tensor;
/// use twoviews::weights::{StateDict, read_state_dict, save_state_dict};
/// let path = std::env::temp_dir().join(format!("twoviews-{}.bin", std::process::id()));
/// save_state_dict(&StateDict::from([("fc.bias".to_owned(), Tensor::from_slice(&[1f32, 2.0]))]), &path)?;
/// assert_eq!(read_state_dict(&path)?["fc.bias"].size(), [2]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), twoviews::Error>(())
/// ```
pub fn read_state_dict(path: &Path) -> Result<StateDict> {
    let file = TensorFile::open(path)?;
    let is_tensor = |(name, entry): (&String, &Entry)| match entry {
        Entry::Tensor(_) => Some((name.clone(), name.clone())),
        Entry::Unreadable(_) => None,
    };
    let names: Vec<(String, String)> = file.entries.iter().filter_map(is_tensor).collect();
    match file.entries.first_key_value() {
        Some((name, Entry::Unreadable(reason))) if names.is_empty() => {
            Err(unreadable(name, reason).at(path))
        }
        _ => file.read(&names),
    }
}

/// A checkpoint of which only the names, shapes and storages of its tensors were read.
pub(super) struct TensorFile {
    pub(super) path: PathBuf,
    pub(super) entries: BTreeMap<String, Entry>,
    file: File,
    storages: Vec<ByteRange>,
    big_endian: bool,
}

impl TensorFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::io("read", path, error, "Check the name of the checkpoint");
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            let problem = "it is a folder";
            return Err(Error::format(path, problem, "Give the file of the checkpoint in it"));
        }
        let (Tensors { entries, storages }, big_endian) =
            index(&file).map_err(|fault| fault.at(path))?;
        Ok(Self { path: path.to_owned(), entries, file, storages, big_endian })
    }

    /// Reads tensors, each by its name in the file and the name under which it is wanted.
    pub(super) fn read(&self, names: &[(String, String)]) -> Result<StateDict> {
        let wanted: Outcome<Vec<(&str, &Layout)>> = names
            .iter()
            .map(|(name, wanted)| match &self.entries[name] {
                Entry::Tensor(layout) => Ok((wanted.as_str(), layout)),
                Entry::Unreadable(reason) => Err(unreadable(name, reason)),
            })
            .collect();
        let storages = StorageReader {
            file: &self.file,
            storages: &self.storages,
            big_endian: self.big_endian,
        };
        wanted.and_then(|wanted| storages.read(&wanted)).map_err(|fault| fault.at(&self.path))
    }
}

fn unreadable(name: &str, reason: &Unreadable) -> Fault {
    Fault::new(format!("its tensor {name} {}", reason.is), reason.hint)
}

fn index(file: &File) -> Outcome<(Tensors, bool)> {
    match detect_format(file)? {
        FileFormat::Safetensors => Ok((read_header(file)?, false)),
        FileFormat::Legacy => {
            let legacy = read_legacy(file)?;
            let tensors = named_tensors(&legacy.pickle, &mut |key| {
                let missing = || Fault::damaged(format!("it has no storage {key}"));
                legacy.storages.get(key).copied().ok_or_else(missing)
            })?;
            Ok((tensors, false))
        }
        FileFormat::Zip => {
            let archive = Archive::open(file)?;
            let pickle = archive.pickle(file)?;
            let tensors =
                named_tensors(&pickle, &mut |key| archive.locate(&format!("data/{key}")))?;
            Ok((tensors, archive.is_big_endian(file)?))
        }
    }
}
