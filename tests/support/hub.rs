//! A hub on this machine, and the job that asks it.

use std::fs;
use std::path::{Path, PathBuf};

use sha1::Digest;
use twoviews::estimator::{DCL, DCLConfig, Weights};
use twoviews::tch::Device;

use super::server::{Fault, Reply, Server};
use super::{names, report};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const FILE: &str = "a.ckpt";
pub const SIZE: usize = 1 << 20;

/// Brings or loads what the variables name, in a process of its own.
pub fn job() {
    let Ok(source) = std::env::var("JOB_SOURCE") else { return };
    let variable = |name| std::env::var(name).ok();
    let file = variable("JOB_FILE").unwrap_or_else(|| FILE.to_owned());
    let weights = Weights::new(&source, variable("JOB_MODEL_DIR").map(Into::into), &file);
    if std::env::var("JOB_LOAD").is_ok() {
        let mut model = DCL::new(DCLConfig::tutorial(32), Device::Cpu).unwrap();
        let loaded = weights.and_then(|weights| weights.load_checkpoint(&mut model));
        return report(loaded.map(|()| file));
    }
    let path = weights.and_then(|weights| weights.path());
    report(path.map(|path| path.display().to_string()));
}

pub fn content() -> Vec<u8> {
    (0..SIZE).map(|i| ((i * i + i / 251) % 253) as u8).collect()
}

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hub with one file under every name: a large one lies on another server, a small one does not.
pub struct Hub {
    pub hub: Server,
    /// The server that has the bytes, if that is another one.
    pub cdn: Option<Server>,
    pub etag: String,
}

impl Hub {
    pub fn large(content: &[u8], faults: Vec<Fault>) -> Self {
        let etag = hex(sha2::Sha256::digest(content));
        let cdn = Server::faulty(content.to_vec(), faults);
        let (address, size, linked) = (cdn.address.clone(), content.len(), etag.clone());
        let hub = Server::new(move |request| {
            if !request.path.contains("/owner/name/resolve/") {
                return Reply::status(404).with("X-Error-Code", "EntryNotFound");
            }
            Reply::status(302)
                .with("Location", format!("{address}/{linked}?signature=1"))
                .with("X-Repo-Commit", COMMIT)
                .with("X-Linked-Size", size)
                .with("X-Linked-Etag", format!("\"{linked}\""))
                .with("ETag", "\"of-the-pointer\"")
        });
        Self { hub, cdn: Some(cdn), etag }
    }

    pub fn small(content: &[u8], faults: Vec<Fault>) -> Self {
        let git = sha1::Sha1::new_with_prefix(format!("blob {}\0", content.len()));
        let etag = hex(git.chain_update(content).finalize());
        let (content, tag) = (content.to_vec(), etag.clone());
        let faults = std::sync::Mutex::new(faults.into_iter());
        let hub = Server::new(move |request| {
            let reply = Reply::status(307)
                .with("X-Repo-Commit", COMMIT)
                .with("Location", format!("/api/resolve-cache/models/owner/name/{COMMIT}/{FILE}"));
            if request.path.contains("/owner/name/resolve/") {
                return reply;
            }
            let reply = Reply::content(request, &content)
                .with("X-Repo-Commit", COMMIT)
                .with("ETag", format!("W/\"{tag}\""));
            match (request.method.as_str(), faults.lock().unwrap().next()) {
                ("GET", Some(fault)) => fault(request, reply),
                _ => reply,
            }
        });
        Self { hub, cdn: None, etag }
    }

    pub fn transfers(&self) -> usize {
        match &self.cdn {
            Some(cdn) => cdn.transfers(),
            None => {
                let content = |path: &str| path.starts_with("/api/resolve-cache/");
                let requests = self.hub.requests();
                requests.iter().filter(|r| r.method == "GET" && content(&r.path)).count()
            }
        }
    }

    pub fn variables<'a>(&'a self, cache: &'a Path) -> Vec<(&'a str, &'a str)> {
        vec![
            ("HF_ENDPOINT", &self.hub.address),
            ("HF_HUB_CACHE", cache.to_str().unwrap()),
            ("JOB_SOURCE", "hf-hub:owner/name"),
        ]
    }
}

pub fn folder_of(cache: &Path) -> PathBuf {
    cache.join("models--owner--name")
}

/// Names of blobs, without the locks that the crate `hf-hub` leaves, too.
pub fn blobs(cache: &Path) -> Vec<String> {
    let blobs = folder_of(cache).join("blobs");
    let names = if blobs.exists() { names(&blobs) } else { Vec::new() };
    names.into_iter().filter(|name| !name.ends_with(".lock")).collect()
}

/// Puts a part there, as an interrupted download leaves it.
pub fn write_part(hub: &Hub, cache: &Path, part: &[u8]) {
    let blobs = folder_of(cache).join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(format!("{}.part", hub.etag)), part).unwrap();
}
