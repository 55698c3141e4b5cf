//! Downloads a file from the hub into the cache.

use std::fs;
use std::path::{Path, PathBuf};

use super::address::Repository;
use super::cache::{RepositoryCache, is_file_name};
use super::settings::Settings;
use crate::data::download::{
    Checksum, Failure, Lock, Request, Response, RetryPolicy, Transfer, origin, reason,
};
use crate::notebook::note;
use crate::{Error, Result};

/// One file of a repository on the hub.
pub(super) struct Client<'a> {
    pub(super) settings: Settings,
    pub(super) repository: &'a Repository,
    pub(super) file: &'a str,
}

/// What the hub says of a file.
#[derive(PartialEq, Eq)]
struct Metadata {
    commit: String,
    etag: String,
    size: Option<u64>,
}

/// The hub's own servers: a mirror may lead to them, and they may have the token.
const HUB: [&str; 2] = ["https://huggingface.co:443", "https://hf.co:443"];

impl Client<'_> {
    /// The file in the cache; downloaded first if it is not there.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let cache = RepositoryCache::new(&self.settings.cache, self.repository);
        if let Some(path) = cache.find(&self.repository.revision, self.file) {
            return Ok(path);
        }
        if self.settings.offline {
            let cache = self.settings.cache.display();
            return Err(self.failed(
                format!("HF_HUB_OFFLINE is set and the file is not in {cache}"),
                "Unset it once to download, or give a folder with the file instead".into(),
            ));
        }
        let metadata = self.metadata()?;
        match self.download(&cache, &metadata) {
            // The branch may have moved on between the two questions.
            Err(error @ Error::Checksum { .. }) => match self.metadata()? {
                newer if newer != metadata => self.download(&cache, &newer),
                _ => Err(error),
            },
            result => result,
        }
    }

    fn download(&self, cache: &RepositoryCache, metadata: &Metadata) -> Result<PathBuf> {
        let pointer = cache.pointer(&metadata.commit, self.file);
        if !self.is_present(&pointer, metadata.size) {
            let hint = self.writable_hint();
            let locks = cache.lock(&metadata.etag, self.file, &hint)?;
            // Another process may have downloaded it meanwhile.
            if !self.is_present(&pointer, metadata.size) {
                let blob = cache.blob(&metadata.etag);
                let ending = if locks.iter().all(Lock::is_shared) {
                    "part".to_owned()
                } else {
                    format!("{}.part", std::process::id())
                };
                self.download_blob(&blob, &blob.with_extension(ending), metadata)?;
                cache
                    .link(&pointer, &blob)
                    .map_err(|error| Error::io("write", &pointer, error, &hint))?;
            }
        }
        // The file is there, in a cache that may not be written too; without this record the hub is
        // only asked once more.
        let _ = cache.record_revision(&self.repository.revision, &metadata.commit);
        Ok(pointer)
    }

    fn is_present(&self, path: &Path, size: Option<u64>) -> bool {
        fs::metadata(path).is_ok_and(|there| size.is_none_or(|size| there.len() == size))
    }

    fn download_blob(&self, blob: &Path, part: &Path, metadata: &Metadata) -> Result<()> {
        let checksum = Checksum::from_etag(&metadata.etag);
        if checksum.is_none() && metadata.size.is_none() {
            return Err(self.failed(
                "the hub tells neither the file's checksum nor its size".into(),
                "Nothing would show whether it is whole: use another HF_ENDPOINT".into(),
            ));
        }
        if blob.exists() {
            let wrong = !self.is_present(blob, metadata.size)
                || checksum.as_ref().is_some_and(|sum| !matches!(sum.mismatch(blob), Ok(None)));
            if !wrong {
                return Ok(());
            }
            note(&format!("{} is damaged in the cache and fetched anew", self.file));
            fs::remove_file(blob)
                .map_err(|e| Error::io("remove", blob, e, self.writable_hint()))?;
        }
        if checksum.is_none() {
            note(&format!("{}: the hub tells no checksum, its size is checked", self.file));
        }
        let transfer = Transfer {
            what: self.file,
            request: self.request(false),
            size: metadata.size,
            checksum,
            retry: RetryPolicy::new(),
        };
        transfer.fetch(part, blob, |failure| self.explain(failure)).map(drop)
    }

    fn request(&self, head: bool) -> Request {
        let endpoint = &self.settings.endpoint;
        Request {
            url: self.repository.url(endpoint, self.file),
            head,
            token: self.settings.token.clone(),
            origins: [origin(endpoint)].into_iter().chain(HUB.map(str::to_owned)).collect(),
            ..Request::default()
        }
    }

    /// Asks for commit, checksum and size, again after a failure that may pass.
    fn metadata(&self) -> Result<Metadata> {
        let retry = RetryPolicy::new();
        let mut resumption = 0;
        loop {
            match self.request_metadata(&retry) {
                Ok(metadata) => return Ok(metadata),
                Err(failure) if failure.is_transient() && resumption < retry.resumptions() => {
                    resumption += 1;
                    retry.pause(resumption).map_err(|failure| self.explain(failure))?;
                }
                Err(failure) => return Err(self.explain(failure)),
            }
        }
    }

    fn request_metadata(&self, retry: &RetryPolicy) -> Result<Metadata, Failure> {
        let mut response = self.request(true).send(retry)?;
        if matches!(response.status, 400 | 405 | 501) {
            // Not every mirror knows HEAD. One byte is the least that can be asked for.
            let request =
                Request { head: false, range: Some("bytes=0-0".into()), ..self.request(false) };
            response = request.send(retry)?;
        }
        match response.status {
            200..=399 => Metadata::read(&response),
            code => Err(Failure::Status(code, reason(&response))),
        }
    }

    fn failed(&self, problem: String, hint: String) -> Error {
        Error::Download { url: format!("{}/{}", self.repository, self.file), problem, hint }
    }

    fn writable_hint(&self) -> String {
        let cache = self.settings.cache.display();
        format!("Check that {cache} may be written and has room, or choose another model_dir")
    }

    /// The error of a failed request, with what to do.
    fn explain(&self, failure: Failure) -> Error {
        let problem = failure.problem("the hub");
        let hint = match failure {
            Failure::Interrupted => {
                return Error::Interrupted { place: format!("download of {}", self.file) };
            }
            Failure::Write(error) => {
                return Error::io("write", &self.settings.cache, error, self.writable_hint());
            }
            Failure::Status(401 | 403, _) => {
                "The repository wants a login, or its name is wrong: set HF_TOKEN to a valid token"
            }
            Failure::Status(404, _) => "Check the repository, the revision and the file's name",
            Failure::Status(..) => {
                "The hub has a problem: try again later, or set HF_ENDPOINT to a mirror"
            }
            Failure::Broken(_) => {
                "Run the same again: the part that has arrived is kept and the rest follows"
            }
            Failure::Unreachable(_) | Failure::Wrong(_) => {
                "Check the network and HF_ENDPOINT, or give a folder with the file instead"
            }
        };
        self.failed(problem, hint.into())
    }
}

impl Metadata {
    fn read(response: &Response) -> Result<Self, Failure> {
        let named = |name: &str, header: Option<&str>| match header {
            Some(value) if is_file_name(value) => Ok(value.to_owned()),
            Some(value) => Err(Failure::Wrong(format!("the server's {name} is {value:?}"))),
            None => Err(Failure::Wrong(format!("the server sends no {name}, as a hub does"))),
        };
        let commit = named("X-Repo-Commit", response.header("X-Repo-Commit"))?;
        let etag = response.header("X-Linked-Etag").or_else(|| response.header("ETag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
        let number = |text: &str| text.parse().ok();
        let size =
            response.header("X-Linked-Size").and_then(number).or_else(|| match response.status {
                // The length of the response itself, which only leads on.
                300..=399 => None,
                206 => {
                    response.header("Content-Range")?.rsplit_once('/').and_then(|(_, n)| number(n))
                }
                _ => response.header("Content-Length").and_then(number),
            });
        Ok(Self { commit, etag: named("ETag", etag)?, size })
    }
}
