//! The bytes of one file: requested, resumed, verified, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::request::Response;
use super::{Checksum, Failure, Request, RetryPolicy};
use crate::atomic_write::rename_synced;
use crate::notebook::{Progress, note};
use crate::{Error, Result};

/// A file to download, and how it is verified.
pub(crate) struct Transfer<'a> {
    /// Its name in messages and progress.
    pub(crate) what: &'a str,
    pub(crate) request: Request,
    pub(crate) size: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) retry: RetryPolicy,
}

/// How often a file whose checksum is wrong is downloaded from the start again, if that may help.
const MAX_RESTARTS: u32 = 2;

/// What is known over several responses to one request.
#[derive(Default)]
struct TransferState {
    /// Some bytes are of another response than the last one.
    resumed: bool,
    /// The length that the server told.
    total: Option<u64>,
    /// Names the version of the file that the first bytes are of.
    validator: Option<String>,
    bar: Option<Progress>,
}

impl Transfer<'_> {
    /// Fetches the file to `target`. The bytes go to `part`, which is continued if it is there; only
    /// once size and checksum have been compared does it get its name. A part that proves wrong
    /// is discarded and the whole file fetched again. Returns whether there was a size to compare.
    ///
    /// # Errors
    /// What `explain` makes of a failed transfer, [`Error::Checksum`] if other bytes arrived than
    /// promised, [`Error::Io`], [`Error::Interrupted`].
    pub(crate) fn fetch(
        &self,
        part: &Path,
        target: &Path,
        explain: impl Fn(Failure) -> Error,
    ) -> Result<bool> {
        let mut restarts = 0;
        loop {
            let state = self.receive(part).map_err(&explain)?;
            let found = match &self.checksum {
                Some(checksum) => checksum.mismatch(part)?.map(|found| (checksum, found)),
                None => None,
            };
            let Some((checksum, found)) = found else {
                rename_synced(part, target)
                    .or_else(|e| if target.exists() { Ok(()) } else { Err(e) })
                    .map_err(|error| explain(Failure::Write(error)))?;
                return Ok(self.size.or(state.total).is_some());
            };
            discard(part).map_err(|error| explain(Failure::Write(error)))?;
            // A response without a length may have ended early.
            let again = state.resumed || self.size.or(state.total).is_none();
            if restarts == MAX_RESTARTS || !again {
                let advice = match checksum {
                    Checksum::Md5(_) => "give the checksum of that file",
                    _ => "set HF_ENDPOINT to a mirror",
                };
                let url = &self.request.url;
                return Err(Error::Checksum {
                    path: target.to_owned(),
                    expected: checksum.expected().to_owned(),
                    found,
                    hint: format!("What {url} sent was discarded: try again, or {advice}"),
                });
            }
            note(&format!("What has arrived of {} is not right: all is fetched anew", self.what));
            restarts += 1;
        }
    }

    /// Fills `part` until all has arrived.
    fn receive(&self, part: &Path) -> Result<TransferState, Failure> {
        // What is there already counts as another response's.
        let mut state = TransferState { resumed: length(part) > 0, ..TransferState::default() };
        let mut resumption = 0;
        loop {
            let Err(failure) = self.attempt(part, &mut state) else { return Ok(state) };
            let is_transient = failure.is_transient()
                || (resumption > 0 && matches!(failure, Failure::Unreachable(_)));
            if !is_transient || resumption == self.retry.resumptions {
                return Err(failure);
            }
            resumption += 1;
            if let Some(bar) = &state.bar {
                bar.set_message(format!("(resumption {resumption} of {})", self.retry.resumptions));
            }
            self.retry.pause(resumption)?;
        }
    }

    /// Makes one request and writes what it brings.
    fn attempt(&self, part: &Path, state: &mut TransferState) -> Result<(), Failure> {
        let mut have = length(part);
        if self.size.is_some_and(|size| have > size) {
            discard(part).map_err(Failure::Write)?;
            have = 0;
        }
        if self.size == Some(have) {
            return open(part, have).map(drop).map_err(Failure::Write);
        }
        let mut request = self.request.clone();
        if have > 0 {
            request.range = Some(format!("bytes={have}-"));
            request.if_range.clone_from(&state.validator);
        }
        let mut response = request.send(&self.retry)?;
        let range = response.header("Content-Range").and_then(content_range);
        let (start, total) = match (response.status, range) {
            (200, _) => (0, response.header("Content-Length").and_then(|l| l.parse().ok())),
            (206, Some((Some(start), total))) if start == have => (have, total),
            // Nothing is left to send: the checksum tells whether the part is right.
            (416, Some((_, Some(total)))) if have > 0 && total == have => {
                state.total = Some(total);
                return Ok(());
            }
            (206 | 416, _) if have > 0 => {
                discard(part).map_err(Failure::Write)?;
                return Err(Failure::Broken("the server sent another part than asked for".into()));
            }
            (code, _) => return Err(Failure::Status(code, reason(&response))),
        };
        if start == 0 {
            // Perhaps a newer version of the file.
            state.total = None;
        }
        self.check_length(total, part, state)?;
        if start == 0 {
            state.resumed = false;
            state.validator = validator(&response);
            discard(part).map_err(Failure::Write)?;
        } else {
            state.resumed = true;
        }
        self.write(part, start, &mut response, state)
    }

    /// The length that a server tells must be that of the file, and stay the same.
    fn check_length(
        &self,
        total: Option<u64>,
        part: &Path,
        state: &mut TransferState,
    ) -> Result<(), Failure> {
        let Some(total) = total else { return Ok(()) };
        if let Some(size) = self.size.filter(|&size| size != total) {
            return Err(Failure::Wrong(format!("{total} bytes are sent instead of {size}")));
        }
        if state.total.replace(total).is_some_and(|before| before != total) {
            state.total = None;
            discard(part).map_err(Failure::Write)?;
            return Err(Failure::Broken("the file has changed on the server meanwhile".into()));
        }
        Ok(())
    }

    fn write(
        &self,
        part: &Path,
        start: u64,
        response: &mut Response,
        state: &mut TransferState,
    ) -> Result<(), Failure> {
        let length = self.size.or(state.total);
        let bar =
            state.bar.get_or_insert_with(|| Progress::bytes(self.what, length.unwrap_or_default()));
        let mut file = open(part, start).map_err(Failure::Write)?;
        let mut position = start;
        let broken = |problem: &str, position: u64| {
            let length = length.map_or("an unknown number of".to_owned(), |l| l.to_string());
            Failure::Broken(format!("{problem}, after {position} of {length} bytes"))
        };
        loop {
            let chunk = match response.chunk() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(Failure::Broken(problem)) => return Err(broken(&problem, position)),
                Err(failure) => return Err(failure),
            };
            position += chunk.len() as u64;
            if let Some(length) = length.filter(|&length| position > length) {
                discard(part).map_err(Failure::Write)?;
                state.total = None;
                let problem = format!("more than the {length} bytes of the file are sent");
                return Err(match self.size {
                    Some(_) => Failure::Wrong(problem),
                    None => Failure::Broken(problem),
                });
            }
            file.write_all(&chunk).map_err(Failure::Write)?;
            bar.set_position(position);
        }
        match length {
            Some(length) if position < length => Err(broken("it ended", position)),
            _ => {
                bar.finish();
                Ok(())
            }
        }
    }
}

fn length(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |metadata| metadata.len())
}

/// Opens the part for writing from `start` on. It is never shortened in place: where locks are
/// not respected another process may write to it, and the same bytes.
fn open(part: &Path, start: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(part)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(file)
}

/// Removes a partial file, if there is one.
pub(super) fn discard(part: &Path) -> io::Result<()> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// First byte and length of the file, as far as they are told: `bytes 5-9/10`, `bytes */10`.
fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
    Some((start, total.trim().parse().ok()))
}

/// What tells this version of a file from others, where the server says so strongly.
fn validator(response: &Response) -> Option<String> {
    let etag = response.header("ETag").filter(|etag| etag.starts_with('"'));
    etag.or_else(|| response.header("Last-Modified")).map(str::to_owned)
}

/// The hub's name for the reason of a refusal.
pub(crate) fn reason(response: &Response) -> String {
    response.header("X-Error-Code").unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((Some(5), Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((Some(5), None)));
        assert_eq!(content_range("bytes */10"), Some((None, Some(10))));
        assert_eq!(content_range("pages 1-2/3"), None);
        assert_eq!(content_range("bytes"), None);
    }
}
