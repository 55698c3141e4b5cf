//! Downloads that resume, are checked before use, and appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::notebook::{Progress, interrupted};
use crate::{Error, Result};

const RESUME: &str = "Run the same again: the part that has arrived is kept and the rest follows";

/// Brings `url` (`http`, `https` or `file`) to the file `target`.
///
/// The bytes go to `target` with the ending `.part`, which a later call continues. Only after the
/// checksum `md5` (if there is one) has been compared does the file get its name.
///
/// # Errors
/// [`Error::Download`] if the server or the network fails, [`Error::Checksum`] if other bytes
/// arrived than promised, [`Error::Io`] if the folder cannot be written, [`Error::Interrupted`].
pub fn download(url: &str, md5: Option<&str>, target: &Path) -> Result<()> {
    if target.exists() {
        return Ok(());
    }
    let part = PathBuf::from(format!("{}.part", target.display()));
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e, WRITABLE))?;
    }
    match url.strip_prefix("file://") {
        Some(path) => copy_file(Path::new(path), &part)?,
        None => fetch(url, &part)?,
    }
    if let Some(expected) = md5 {
        let found = md5_of(&part)?;
        if !found.eq_ignore_ascii_case(expected) {
            remove(&part)?;
            return Err(Error::Checksum {
                path: target.to_owned(),
                expected: expected.to_owned(),
                found,
                hint: format!(
                    "What {url} sent was discarded: try again, or give the checksum of that file"
                ),
            });
        }
    }
    File::open(&part)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&part, target))
        .map_err(|e| Error::io("write", target, e, WRITABLE))
}

/// The MD5 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn md5_of(path: &Path) -> Result<String> {
    let unreadable = |e| Error::io("read", path, e, "Check that the file exists and may be read");
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = Md5::new();
    io::copy(&mut file, &mut hasher).map_err(unreadable)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

const WRITABLE: &str = "Choose a folder that may be written and has room (TWOVIEWS_DATA)";

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| Error::io("remove", path, e, WRITABLE))
}

fn copy_file(source: &Path, part: &Path) -> Result<()> {
    let mut from = File::open(source)
        .map_err(|e| Error::io("read", source, e, "Check the path after file://"))?;
    let length = from.metadata().map_or(0, |m| m.len());
    let mut to = File::create(part).map_err(|e| Error::io("write", part, e, WRITABLE))?;
    let copied = copy("copy", &mut from, &mut to, 0, length).map_err(|e| match e {
        Copy::Interrupted => Error::Interrupted { place: format!("copy of {}", source.display()) },
        Copy::Read(e) => Error::io("read", source, e, "The disk may be failing"),
        Copy::Write(e) => Error::io("write", part, e, WRITABLE),
    });
    if copied.is_err() {
        // A local copy is quick: nothing is worth keeping for later.
        let _ = fs::remove_file(part);
    }
    copied.map(|_| ())
}

fn fetch(url: &str, part: &Path) -> Result<()> {
    let failed = |problem: String, hint: &str| Error::Download {
        url: url.to_owned(),
        problem,
        hint: hint.to_owned(),
    };
    let mut have = fs::metadata(part).map_or(0, |m| m.len());
    let mut response = match request(url, have) {
        // The part is already as long as the file, or longer.
        Err(ureq::Error::StatusCode(416)) => {
            remove(part)?;
            have = 0;
            request(url, 0)
        }
        other => other,
    }
    .map_err(|error| match error {
        ureq::Error::StatusCode(code @ (401 | 403)) => {
            failed(format!("the server answered {code}"), "It wants a login: check the address")
        }
        ureq::Error::StatusCode(404) => {
            failed("the server answered 404".into(), "The file is not there: check the address")
        }
        ureq::Error::StatusCode(code) => {
            failed(format!("the server answered {code}"), "Try again later or use a mirror")
        }
        error => failed(
            error.to_string(),
            "Check the network, or put the file into the folder yourself (TWOVIEWS_DATA)",
        ),
    })?;
    let resumed = have > 0 && response.status() == 206;
    if !resumed {
        have = 0;
    }
    let rest = response.body().content_length();
    let length = rest.map_or(0, |rest| have + rest);
    let mut to = OpenOptions::new()
        .create(true)
        .write(true)
        .append(resumed)
        .truncate(!resumed)
        .open(part)
        .map_err(|e| Error::io("write", part, e, WRITABLE))?;
    let got = copy("download", &mut response.body_mut().as_reader(), &mut to, have, length)
        .map_err(|error| match error {
            Copy::Interrupted => Error::Interrupted { place: format!("download of {url}") },
            Copy::Read(error) => failed(format!("the connection broke: {error}"), RESUME),
            Copy::Write(error) => Error::io("write", part, error, WRITABLE),
        })?;
    if length > 0 && got < length {
        return Err(failed(format!("it ended after {got} of {length} bytes"), RESUME));
    }
    Ok(())
}

fn request(
    url: &str,
    have: u64,
) -> std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    let request = ureq::get(url).config().timeout_connect(Some(TIMEOUT)).build();
    match have {
        0 => request.call(),
        have => request.header("Range", format!("bytes={have}-")).call(),
    }
}

const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Why copying stopped.
enum Copy {
    Interrupted,
    Read(io::Error),
    Write(io::Error),
}

/// Copies everything and returns the position reached, counted from `done`.
fn copy(
    what: &str,
    from: &mut impl Read,
    to: &mut impl Write,
    mut done: u64,
    length: u64,
) -> std::result::Result<u64, Copy> {
    let progress = Progress::bytes(what, length);
    let mut buffer = vec![0; 1 << 16];
    loop {
        if interrupted() {
            return Err(Copy::Interrupted);
        }
        let n = from.read(&mut buffer).map_err(Copy::Read)?;
        if n == 0 {
            progress.finish();
            return Ok(done);
        }
        to.write_all(&buffer[..n]).map_err(Copy::Write)?;
        done += n as u64;
        progress.set_position(done);
    }
}
