//! The bytes of one file: asked for, taken up again, compared, named.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::request::Answer;
use super::{Checksum, Failure, Patience, Request};
use crate::atomic_write::rename_whole;
use crate::notebook::{Progress, note};
use crate::{Error, Result};

/// A file that is to be had, and how it is known to be right.
pub(crate) struct Transfer<'a> {
    /// Its name in messages and progress.
    pub(crate) what: &'a str,
    pub(crate) request: Request,
    pub(crate) size: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) patience: Patience,
}

/// How often a file that proves wrong is fetched anew, if that may help.
const ANEW: u32 = 2;

/// What is known over several answers to one request.
#[derive(Default)]
struct Progressed {
    /// Some bytes are of another answer than the last one.
    resumed: bool,
    /// The length that the server told.
    total: Option<u64>,
    /// Names the version of the file that the first bytes are of.
    validator: Option<String>,
    bar: Option<Progress>,
}

impl Transfer<'_> {
    /// Brings the file to `target`. The bytes go to `part`, which is continued if it is there; only
    /// once size and checksum have been compared does it get its name. A part that proves wrong
    /// is thrown away and the whole fetched anew. The answer is whether there was a size to compare.
    ///
    /// # Errors
    /// What `explain` makes of a failed transfer, [`Error::Checksum`] if other bytes arrived than
    /// promised, [`Error::Io`], [`Error::Interrupted`].
    pub(crate) fn bring(
        &self,
        part: &Path,
        target: &Path,
        explain: impl Fn(Failure) -> Error,
    ) -> Result<bool> {
        let mut anew = 0;
        loop {
            let progressed = self.receive(part).map_err(&explain)?;
            let found = match &self.checksum {
                Some(checksum) => checksum.mismatch(part)?.map(|found| (checksum, found)),
                None => None,
            };
            let Some((checksum, found)) = found else {
                rename_whole(part, target)
                    .or_else(|e| if target.exists() { Ok(()) } else { Err(e) })
                    .map_err(|error| explain(Failure::Write(error)))?;
                return Ok(self.size.or(progressed.total).is_some());
            };
            discard(part).map_err(|error| explain(Failure::Write(error)))?;
            // An answer that told no length may have ended early.
            let again = progressed.resumed || self.size.or(progressed.total).is_none();
            if anew == ANEW || !again {
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
            anew += 1;
        }
    }

    /// Fills `part` until all has arrived.
    fn receive(&self, part: &Path) -> Result<Progressed, Failure> {
        // What is there already counts as another answer's.
        let mut progressed = Progressed { resumed: length(part) > 0, ..Progressed::default() };
        let mut resumption = 0;
        loop {
            let Err(failure) = self.attempt(part, &mut progressed) else { return Ok(progressed) };
            let passes =
                failure.passes() || (resumption > 0 && matches!(failure, Failure::Unreachable(_)));
            if !passes || resumption == self.patience.resumptions {
                return Err(failure);
            }
            resumption += 1;
            if let Some(bar) = &progressed.bar {
                bar.set_message(format!(
                    "(resumption {resumption} of {})",
                    self.patience.resumptions
                ));
            }
            self.patience.pause(resumption)?;
        }
    }

    /// Makes one request and writes what it brings.
    fn attempt(&self, part: &Path, progressed: &mut Progressed) -> Result<(), Failure> {
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
            request.if_range.clone_from(&progressed.validator);
        }
        let mut answer = request.send(&self.patience)?;
        let range = answer.header("Content-Range").and_then(content_range);
        let (start, total) = match (answer.status, range) {
            (200, _) => (0, answer.header("Content-Length").and_then(|l| l.parse().ok())),
            (206, Some((Some(start), total))) if start == have => (have, total),
            // Nothing is left to send: the checksum tells whether the part is right.
            (416, Some((_, Some(total)))) if have > 0 && total == have => {
                progressed.total = Some(total);
                return Ok(());
            }
            (206 | 416, _) if have > 0 => {
                discard(part).map_err(Failure::Write)?;
                return Err(Failure::Broken("the server sent another part than asked for".into()));
            }
            (code, _) => return Err(Failure::Status(code, reason(&answer))),
        };
        if start == 0 {
            // Perhaps a newer version of the file.
            progressed.total = None;
        }
        self.check_length(total, part, progressed)?;
        if start == 0 {
            progressed.resumed = false;
            progressed.validator = validator(&answer);
            discard(part).map_err(Failure::Write)?;
        } else {
            progressed.resumed = true;
        }
        self.write(part, start, &mut answer, progressed)
    }

    /// The length that a server tells must be that of the file, and stay the same.
    fn check_length(
        &self,
        total: Option<u64>,
        part: &Path,
        progressed: &mut Progressed,
    ) -> Result<(), Failure> {
        let Some(total) = total else { return Ok(()) };
        if let Some(size) = self.size.filter(|&size| size != total) {
            return Err(Failure::Wrong(format!("{total} bytes are sent instead of {size}")));
        }
        if progressed.total.replace(total).is_some_and(|before| before != total) {
            progressed.total = None;
            discard(part).map_err(Failure::Write)?;
            return Err(Failure::Broken("the file has changed on the server meanwhile".into()));
        }
        Ok(())
    }

    fn write(
        &self,
        part: &Path,
        start: u64,
        answer: &mut Answer,
        progressed: &mut Progressed,
    ) -> Result<(), Failure> {
        let length = self.size.or(progressed.total);
        let bar = progressed
            .bar
            .get_or_insert_with(|| Progress::bytes(self.what, length.unwrap_or_default()));
        let mut file = open(part, start).map_err(Failure::Write)?;
        let mut position = start;
        let broken = |problem: &str, position: u64| {
            let length = length.map_or("an unknown number of".to_owned(), |l| l.to_string());
            Failure::Broken(format!("{problem}, after {position} of {length} bytes"))
        };
        loop {
            let piece = match answer.piece() {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(Failure::Broken(problem)) => return Err(broken(&problem, position)),
                Err(failure) => return Err(failure),
            };
            position += piece.len() as u64;
            if let Some(length) = length.filter(|&length| position > length) {
                discard(part).map_err(Failure::Write)?;
                progressed.total = None;
                let problem = format!("more than the {length} bytes of the file are sent");
                return Err(match self.size {
                    Some(_) => Failure::Wrong(problem),
                    None => Failure::Broken(problem),
                });
            }
            file.write_all(&piece).map_err(Failure::Write)?;
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

/// Removes a part, if there is one.
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
fn validator(answer: &Answer) -> Option<String> {
    let etag = answer.header("ETag").filter(|etag| etag.starts_with('"'));
    etag.or_else(|| answer.header("Last-Modified")).map(str::to_owned)
}

/// The hub's name for the reason of a refusal.
pub(crate) fn reason(answer: &Answer) -> String {
    answer.header("X-Error-Code").unwrap_or_default().to_owned()
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
