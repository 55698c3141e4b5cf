//! Where checkpoints come from: the Hugging Face hub or a folder.

use std::env;
use std::path::{Path, PathBuf};

use hf_hub::api::Progress as HubProgress;
use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};

use crate::notebook::Progress;
use crate::{Error, Result};

const HUB_PREFIX: &str = "hf-hub:";

/// A checkpoint in a hub repository or a folder, as nidl's `Weights`.
///
/// ```no_run
/// use twoviews::models::{DCL, DCLConfig};
/// use twoviews::weights::Weights;
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
    Hub { repo: String, revision: String, cache: Option<PathBuf> },
}

impl Weights {
    /// The checkpoint `file` of `source`: `hf-hub:owner/name`, `hf-hub:owner/name@revision`, or a
    /// folder. Downloads are kept in `model_dir`, or in the cache that all hub programs share.
    ///
    /// The variables `HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` are honoured.
    ///
    /// # Errors
    /// If the repository is not written `owner/name`, or `file` leads out of its folder.
    pub fn new(source: &str, model_dir: Option<PathBuf>, file: &str) -> Result<Self> {
        let inside = Path::new(file)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if file.is_empty() || !inside {
            let hint = "Give the name of the checkpoint, such as example_dcl_bs_32.ckpt.";
            return Err(Error::parameter("file", file, "a file in the repository", hint));
        }
        let source = match source.strip_prefix(HUB_PREFIX) {
            None => Source::Folder(source.into()),
            Some(address) => {
                let (repo, revision) = address.split_once('@').unwrap_or((address, "main"));
                let owner_and_name =
                    repo.split('/').count() == 2 && repo.split('/').all(|part| !part.is_empty());
                if !owner_and_name || revision.is_empty() {
                    let hint = "For example hf-hub:neurospin/nidl_example_dcl_vs_simclr@main.";
                    return Err(Error::parameter("source", source, "hf-hub:owner/name", hint));
                }
                let (repo, revision) = (repo.to_owned(), revision.to_owned());
                Source::Hub { repo, revision, cache: model_dir }
            }
        };
        Ok(Self { source, file: file.to_owned() })
    }

    /// Where the file is on this machine; downloads it first if it is not in the cache.
    ///
    /// # Errors
    /// [`Error::Download`] with the server's answer and what to do, [`Error::Io`] if the folder
    /// has no such file.
    pub fn path(&self) -> Result<PathBuf> {
        match &self.source {
            Source::Folder(folder) => {
                let path = folder.join(&self.file);
                match std::fs::metadata(&path) {
                    Ok(_) => Ok(path),
                    Err(error) => Err(Error::io("read", path, error, listing(folder))),
                }
            }
            Source::Hub { repo, revision, cache } => self.fetch(repo, revision, cache.as_deref()),
        }
    }

    fn fetch(&self, repo: &str, revision: &str, cache: Option<&Path>) -> Result<PathBuf> {
        let cache = cache.map_or_else(Cache::from_env, |folder| Cache::new(folder.to_owned()));
        let entry = Repo::with_revision(repo.to_owned(), RepoType::Model, revision.to_owned());
        if let Some(path) = cache.repo(entry.clone()).get(&self.file) {
            return Ok(path);
        }
        let failed = |problem: String, hint: String| Error::Download {
            url: format!("{HUB_PREFIX}{repo}@{revision}/{}", self.file),
            problem,
            hint,
        };
        let place = cache.path().display().to_string();
        if variable("HF_HUB_OFFLINE").is_some_and(|value| value != "0") {
            return Err(failed(
                format!("HF_HUB_OFFLINE is set and the file is not in {place}"),
                "Unset it once to download, or give a folder with the file instead".into(),
            ));
        }
        let mut builder =
            ApiBuilder::from_env().with_cache_dir(cache.path().clone()).with_retries(2);
        if let Some(token) = variable("HF_TOKEN") {
            builder = builder.with_token(Some(token));
        }
        let progress = Download { file: self.file.clone(), progress: Progress::hidden() };
        builder
            .build()
            .and_then(|api| api.repo(entry).download_with_progress(&self.file, progress))
            .map_err(|error| {
                let (problem, hint) = explain(&error, &place);
                failed(problem, hint)
            })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the hub answered, and what to do.
fn explain(error: &ApiError, cache: &str) -> (String, String) {
    let inner = match error {
        ApiError::TooManyRetries(inner) => inner.as_ref(),
        other => other,
    };
    if let ApiError::RequestError(request) = inner
        && let ureq::Error::StatusCode(code) = request.as_ref()
    {
        let hint = match code {
            401 | 403 => "The repository wants a login: set HF_TOKEN to a valid token",
            404 => "Check the repository, the revision and the file's name",
            _ => "The hub has a problem: try again later, or set HF_ENDPOINT to a mirror",
        };
        return (format!("the hub answered {code}"), hint.into());
    }
    let hint = match inner {
        ApiError::IoError(_) | ApiError::LockAcquisition(_) => {
            format!("Check that {cache} may be written and has room, or choose another model_dir")
        }
        _ => "Check the network and HF_ENDPOINT, or give a folder with the file instead".into(),
    };
    (inner.to_string(), hint)
}

/// What there is instead of a file that was not found.
fn listing(folder: &Path) -> String {
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

/// Shows the hub's download in this crate's progress bar.
struct Download {
    file: String,
    progress: Progress,
}

impl HubProgress for Download {
    fn init(&mut self, size: usize, _filename: &str) {
        self.progress = Progress::bytes(&self.file, size as u64);
    }

    fn update(&mut self, size: usize) {
        self.progress.inc(size as u64);
    }

    fn finish(&mut self) {
        self.progress.finish();
    }
}
