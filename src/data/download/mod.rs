//! Downloads that resume, are checked before use, and appear whole or not at all.

mod address;
mod checksum;
mod failure;
mod lock;
mod request;
mod retry;
mod transfer;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use twoviews_constants::variable;

pub(crate) use address::{expand_home, local_file};
pub(crate) use checksum::Checksum;
pub use checksum::md5_of;
pub(crate) use failure::Failure;
pub(crate) use lock::{Lock, with_suffix};
pub(crate) use request::{Request, Response, origin};
pub(crate) use retry::RetryPolicy;
pub(crate) use transfer::{Transfer, reason};

use crate::atomic_write::rename_synced;
use crate::notebook::{Progress, check_interrupt, note};
use crate::{Error, Result};

const RESUME: &str = "Run the same again: the part that has arrived is kept and the rest follows";

/// What to do where a file cannot be written.
fn write_hint() -> String {
    format!("Choose a folder that may be written and has room ({})", variable::DATA)
}

/// Downloads `url` (`http`, `https` or `file`) to the file `target`.
///
/// The bytes go to `target` with the ending `.part`. Only after size and checksum have been compared
/// does the file get its name. A transfer that breaks off is resumed five times, in this call; with
/// a checksum `md5` a later call continues it, too. Without one only the size is compared, and that
/// is said. Several processes that want the same file wait for the first one.
///
/// A server has 10 seconds to accept the connection and may be silent for 30.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let (source, target) = (folder.path().join("a b"), folder.path().join("c"));
/// std::fs::write(&source, "abc")?;
/// let url = format!("file://{}", source.display().to_string().replace(' ', "%20"));
/// twoviews::data::download(&url, Some("900150983cd24fb0d6963f7d28e17f72"), &target)?;
/// assert_eq!(std::fs::read(target)?, b"abc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Download`] if the server or the network fails, [`Error::Checksum`] if other bytes
/// arrived than promised, [`Error::Parameter`] for an address of another kind, [`Error::Io`] if the
/// folder cannot be written, [`Error::Interrupted`].
pub fn download(url: &str, md5: Option<&str>, target: &Path) -> Result<()> {
    if target.exists() {
        return Ok(());
    }
    let source = local_file(url)?;
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e, write_hint()))?;
    }
    let what = target.file_name().unwrap_or_default().to_string_lossy();
    let lock = Lock::acquire(
        &with_suffix(target, ".lock"),
        &format!("it brings {what}"),
        true,
        &write_hint(),
    )?;
    if target.exists() {
        return Ok(());
    }
    let part = if lock.is_shared() {
        with_suffix(target, ".part")
    } else {
        with_suffix(target, &format!(".{}.part", std::process::id()))
    };
    let checksum = md5.map(|md5| Checksum::Md5(md5.to_owned()));
    if let Some(source) = source {
        return copy_file(&source, checksum, &part, target);
    }
    if checksum.is_none() {
        // It may be a part of another version of the file, and nothing would show it.
        transfer::discard(&part).map_err(|e| Error::io("remove", &part, e, write_hint()))?;
    }
    let unchecked = checksum.is_none();
    let transfer = Transfer {
        what: &what,
        request: Request { url: url.to_owned(), ..Request::default() },
        size: None,
        checksum,
        retry: RetryPolicy::new(),
    };
    let sized = transfer.fetch(&part, target, |failure| explain(failure, url, &part))?;
    match (unchecked, sized) {
        (true, true) => note(&format!("{what}: no checksum is known, its size was checked")),
        (true, false) => {
            note(&format!("{what}: neither checksum nor size is known, it may be incomplete"));
        }
        _ => {}
    }
    Ok(())
}

fn explain(failure: Failure, url: &str, part: &Path) -> Error {
    let folder_hint =
        format!("Check the network, or put the file into the folder yourself ({})", variable::DATA);
    let hint = match &failure {
        Failure::Interrupted => return Error::Interrupted { place: format!("download of {url}") },
        Failure::Write(_) => "",
        Failure::Status(401 | 403, _) => "It wants a login: check the address",
        Failure::Status(404, _) => "The file is not there: check the address",
        Failure::Status(..) => "Try again later or use a mirror",
        Failure::Unreachable(_) => &folder_hint,
        Failure::Broken(_) => RESUME,
        Failure::Wrong(_) => "Check the address, or use a mirror",
    };
    let problem = failure.problem("the server");
    match failure {
        Failure::Write(error) => Error::io("write", part, error, write_hint()),
        _ => Error::Download { url: url.to_owned(), problem, hint: hint.to_owned() },
    }
}

/// Copies a file of this machine. That is quick: nothing is kept of a copy that breaks off.
fn copy_file(source: &Path, checksum: Option<Checksum>, part: &Path, target: &Path) -> Result<()> {
    let copied = copy(source, part).and_then(|()| {
        let found = checksum.as_ref().map(|checksum| checksum.mismatch(part)).transpose()?;
        match (checksum, found.flatten()) {
            (Some(checksum), Some(found)) => Err(Error::Checksum {
                path: source.to_owned(),
                expected: checksum.expected().to_owned(),
                found,
                hint: "Choose the right file, or give its checksum".into(),
            }),
            _ => {
                rename_synced(part, target).map_err(|e| Error::io("write", target, e, write_hint()))
            }
        }
    });
    if copied.is_err() {
        let _ = fs::remove_file(part);
    }
    copied
}

fn copy(source: &Path, part: &Path) -> Result<()> {
    let unreadable = |e| Error::io("read", source, e, "Check the path after file://");
    let unwritable = |e| Error::io("write", part, e, write_hint());
    let mut from = File::open(source).map_err(unreadable)?;
    let length = from.metadata().map_err(unreadable)?.len();
    let mut to = File::create(part).map_err(unwritable)?;
    let progress = Progress::bytes("copy", length);
    let mut buffer = vec![0; 1 << 18];
    let mut done = 0;
    loop {
        check_interrupt(|| format!("copy of {}", source.display()))?;
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                to.write_all(&buffer[..n]).map_err(unwritable)?;
                done += n as u64;
                progress.set_position(done);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    progress.finish();
    if done != length {
        let problem = format!("{done} of its {length} bytes could be read");
        return Err(Error::format(source, problem, "Check whether it is still being written"));
    }
    Ok(())
}
