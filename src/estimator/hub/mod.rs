//! Where checkpoints come from: the Hugging Face hub or a folder.

mod address;
mod cache;
mod client;
mod settings;

use std::path::{Component, Path, PathBuf};

use self::address::{PREFIX, Repository, looks_like_repository, written_as_web_address};
use self::client::Client;
use self::settings::Settings;
use crate::data::download::{Checksum, expand_home, local_file};
use crate::notebook::note;
use crate::{Error, Result};

/// A checkpoint in a hub repository or a folder, as nidl's `Weights`.
///
/// ```no_run
/// use twoviews::estimator::{DCL, DCLConfig, Weights};
/// let repo = "hf-hub:neurospin/nidl_example_dcl_vs_simclr";
/// let mut model = DCL::new(DCLConfig::tutorial(32), twoviews::models::best_device())?;
/// Weights::new(repo, None, "example_dcl_bs_32.ckpt")?.load_checkpoint(&mut model)?;
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    source: Source,
    file: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Folder(PathBuf),
    Hub { repository: Repository, cache: Option<PathBuf> },
}

impl Weights {
    /// The checkpoint `file` of `source`: `hf-hub:owner/name`, `hf-hub:owner/name@revision`, or a
    /// folder, in which `~` stands for the home folder. Downloads are kept in `model_dir`, or in the
    /// cache that all hub programs share, Python's too.
    ///
    /// The variables `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH` and
    /// `HF_HUB_OFFLINE` are honoured.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the repository is not written `owner/name`, the revision could not be
    /// a branch, tag or commit, or `file` leads out of its folder; it says what to write instead.
    pub fn new(source: &str, model_dir: Option<PathBuf>, file: &str) -> Result<Self> {
        let file = file_inside(file)?;
        let source = match source.strip_prefix(PREFIX) {
            Some(address) => {
                Source::Hub { repository: Repository::parse(source, address)?, cache: model_dir }
            }
            None => Source::Folder(folder(source)?),
        };
        Ok(Self { source, file })
    }

    /// Where the file is on this machine; downloads it first if it is not in the cache.
    ///
    /// Before a download gets its name its size and the hub's checksum are compared. What breaks off is
    /// taken up again five times; the hub has 10 seconds to accept a connection and may be silent
    /// for 30. Several processes that want the same file wait for the first one.
    ///
    /// # Errors
    /// [`Error::Download`] with the server's answer and what to do, [`Error::Checksum`] if it sends
    /// something else than it promised, [`Error::Io`] if the folder has no such file or the
    /// cache cannot be written, [`Error::Interrupted`].
    pub fn path(&self) -> Result<PathBuf> {
        match &self.source {
            Source::Folder(folder) => {
                let path = folder.join(&self.file);
                match std::fs::metadata(&path) {
                    Ok(_) => Ok(path),
                    Err(error) => Err(Error::io("read", path, error, listing(folder))),
                }
            }
            Source::Hub { repository, cache } => {
                let settings = Settings::new(cache.as_deref())?;
                Client { settings, repository, file: &self.file }.path()
            }
        }
    }

    /// Reads the file. One that the cache has had damaged since an earlier time is fetched anew.
    pub(super) fn read<T>(&self, read: impl Fn(&Path) -> Result<T>) -> Result<T> {
        let path = self.path()?;
        let error = match read(&path) {
            Err(error @ Error::Format { .. }) => error,
            other => return other,
        };
        if let Source::Hub { cache, .. } = &self.source
            && !Settings::new(cache.as_deref())?.offline
            && discard_if_damaged(&path)?
        {
            return read(&self.path()?);
        }
        Err(error)
    }
}

/// Removes a file from the hub's cache if its checksum is not the one that its name says.
fn discard_if_damaged(path: &Path) -> Result<bool> {
    let Ok(blob) = path.canonicalize() else { return Ok(false) };
    let etag = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let damaged = match Checksum::from_etag(etag) {
        Some(checksum) => checksum.mismatch(&blob)?.is_some(),
        None => false,
    };
    if damaged {
        note(&format!("{} is damaged in the cache and fetched anew", path.display()));
    }
    Ok(damaged && std::fs::remove_file(blob).is_ok())
}

/// The name of a file below its folder, without `./`.
fn file_inside(file: &str) -> Result<String> {
    let path = Path::new(file);
    let parts: Option<Vec<&str>> = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    if let Some(parts) = parts.filter(|parts| !parts.is_empty())
        && !file.contains(char::is_control)
    {
        return Ok(parts.join("/"));
    }
    let hint = match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        (Some(folder), Some(name)) => {
            format!("Give the folder {} as source and {name} as file.", folder.display())
        }
        _ => "Give the name of the checkpoint, such as example_dcl_bs_32.ckpt.".to_owned(),
    };
    Err(Error::parameter("file", file, "a file in the repository or folder", hint))
}

/// The folder that a source is, which is not marked as the hub's.
fn folder(source: &str) -> Result<PathBuf> {
    let refused =
        |hint| Err(Error::parameter("source", source, "hf-hub:owner/name or a folder", hint));
    if let Some(hint) = written_as_web_address(source) {
        return refused(hint);
    }
    if source.is_empty() {
        return Ok(".".into());
    }
    let Some((scheme, rest)) = source.split_once(':') else {
        return Ok(expand_home(Path::new(source)));
    };
    match scheme.to_ascii_lowercase().replace('_', "-").as_str() {
        "file" if rest.starts_with("//") => match local_file(source)? {
            Some(path) => Ok(path),
            None => refused("Give the folder's path.".to_owned()),
        },
        "hf-hub" | "hfhub" | "hf" | "hub" | "huggingface" => {
            refused(format!("Write {PREFIX}{}.", rest.trim_start_matches('/')))
        }
        _ if rest.starts_with("//") => {
            refused("Download the file and give the folder it is in.".to_owned())
        }
        _ => Ok(expand_home(Path::new(source))),
    }
}

/// What there is instead of a file that was not found.
fn listing(folder: &Path) -> String {
    if folder.is_file() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let parent = folder.parent().filter(|parent| *parent != Path::new(""));
        let parent = parent.unwrap_or_else(|| Path::new(".")).display();
        return format!("This is a file: give {parent} as source and {name} as file");
    }
    if !folder.exists() {
        let text = folder.to_string_lossy();
        return if looks_like_repository(&text) {
            format!("There is no such folder; for the repository on the hub write {PREFIX}{text}")
        } else {
            format!("There is no folder {text}")
        };
    }
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| [".ckpt", ".pt", ".pth", ".safetensors"].iter().any(|e| name.ends_with(e)))
        .collect();
    names.sort();
    match names.as_slice() {
        [] => format!("{} holds no checkpoint", folder.display()),
        names => format!("{} holds {}", folder.display(), names.join(", ")),
    }
}
