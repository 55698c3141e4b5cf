//! The cache that all hub programs share: `blobs/`, `snapshots/COMMIT/`, `refs/REVISION`.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::address::Repository;
use crate::data::download::{Lock, with_suffix};
use crate::{Error, Result};

/// The folder of one repository.
pub(super) struct RepositoryCache {
    root: PathBuf,
    folder: PathBuf,
    name: String,
    layout: CacheRepo,
}

impl RepositoryCache {
    pub(super) fn new(root: &Path, repository: &Repository) -> Self {
        let id = format!("{}/{}", repository.owner, repository.name);
        let revision = repository.revision.clone();
        let model = Repo::with_revision(id, RepoType::Model, revision);
        let name = model.folder_name();
        let layout = Cache::new(root.to_owned()).repo(model);
        Self { root: root.to_owned(), folder: root.join(&name), name, layout }
    }

    /// Where a file is, if it is there: the revision is a commit, or was resolved to one before.
    pub(super) fn find(&self, revision: &str, file: &str) -> Option<PathBuf> {
        let known = fs::read_to_string(self.folder.join("refs").join(revision)).ok();
        let known = known.as_deref().map(str::trim).filter(|commit| is_file_name(commit));
        [known, Some(revision).filter(|revision| is_commit(revision))]
            .into_iter()
            .flatten()
            .map(|commit| self.pointer(commit, file))
            .find(|path| path.exists())
    }

    /// Where a commit has a file.
    pub(super) fn pointer(&self, commit: &str, file: &str) -> PathBuf {
        self.layout.pointer_path(commit).join(file)
    }

    /// Where the content with an etag is.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Waits until no other process downloads the same content: Python's client, which has one lock,
    /// or of the crate `hf-hub`, which has the other and shares the name of the part.
    pub(super) fn lock(&self, etag: &str, file: &str, hint: &str) -> Result<[Lock; 2]> {
        let locks = self.root.join(".locks").join(&self.name);
        for folder in [&locks, &self.folder.join("blobs")] {
            fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e, hint))?;
        }
        let what = format!("it brings {file}");
        Ok([
            Lock::acquire(&locks.join(format!("{etag}.lock")), &what, false, hint)?,
            Lock::acquire(&self.blob(etag).with_extension("lock"), &what, false, hint)?,
        ])
    }

    /// Links the name of a file in a commit to its content.
    pub(super) fn link(&self, pointer: &Path, blob: &Path) -> io::Result<()> {
        if let Some(folder) = pointer.parent() {
            fs::create_dir_all(folder)?;
        }
        let steps = pointer.strip_prefix(&self.folder).unwrap_or(pointer).components().count() - 1;
        let up: PathBuf = std::iter::repeat_n(Component::ParentDir, steps).collect();
        let content = up.join(blob.strip_prefix(&self.folder).unwrap_or(blob));
        let new = with_suffix(pointer, &format!(".{}.new", std::process::id()));
        // A link that leads nowhere is replaced; without links the content itself goes there.
        symlink(&content, &new).or_else(|_| fs::rename(blob, &new))?;
        fs::rename(&new, pointer)
    }

    /// Records which commit a revision is; a commit needs no record.
    pub(super) fn record_revision(&self, revision: &str, commit: &str) -> io::Result<()> {
        let path = self.folder.join("refs").join(revision);
        if revision == commit || fs::read_to_string(&path).is_ok_and(|known| known == commit) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = with_suffix(&path, &format!(".{}.tmp", std::process::id()));
        fs::write(&new, commit)?;
        fs::rename(&new, &path)
    }
}

#[cfg(unix)]
fn symlink(content: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(content, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the text is a commit's full hash, and so needs no resolving.
fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a server's word may become a file's or folder's name.
pub(super) fn is_file_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+=:".contains(&byte);
    !text.is_empty() && text.len() <= 128 && !text.starts_with('.') && text.bytes().all(allowed)
}
