//! What cargo compiles, shown to the reader who waits for it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::output::{Cell, Outputs};

/// Between two states of the display.
const INTERVAL: Duration = Duration::from_secs(1);

/// The crates that one build has compiled, and the cell that waits for it.
#[derive(Debug, Default)]
pub(crate) struct Build {
    /// The cell that the reader waits for, from its request to its reply.
    pub cell: Option<Cell>,
    crates: Vec<String>,
    begin: Option<Instant>,
    shown: Option<(String, Instant)>,
}

impl Build {
    /// cargo has begun to compile a crate.
    pub(crate) fn push(&mut self, name: &str, now: Instant) {
        self.begin.get_or_insert(now);
        self.crates.push(name.to_owned());
        // Shown at once.
        if let Some((_, last)) = &mut self.shown {
            *last = now.checked_sub(INTERVAL).unwrap_or(now);
        }
    }

    /// A message for the waiting cell, if one is due: its kind and content.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<(&'static str, Value)> {
        let seconds = now.duration_since(self.begin?).as_secs();
        let last = self.crates.last()?;
        let text = match self.crates.len() {
            1 => format!("compiling {last}, {seconds} s"),
            n => format!("compiling {last} (crate {n}), {seconds} s"),
        };
        self.cell.as_ref().filter(|cell| !cell.silent)?;
        match &mut self.shown {
            Some((_, last)) if now.duration_since(*last) < INTERVAL => None,
            Some((id, last)) => {
                *last = now;
                Some(("update_display_data", content(id, &text)))
            }
            None => {
                let id = uuid::Uuid::new_v4().to_string();
                let message = ("display_data", content(&id, &text));
                self.shown = Some((id, now));
                Some(message)
            }
        }
    }

    /// The build is over; the last state of the display, if there is one. Says how many crates
    /// there were.
    pub(crate) fn end(&mut self, now: Instant) -> (usize, Option<(&'static str, Value)>) {
        let crates = std::mem::take(&mut self.crates);
        let begin = self.begin.take().unwrap_or(now);
        let message = self.shown.take().map(|(id, _)| {
            let what = match crates.as_slice() {
                [one] => one.clone(),
                all => format!("{} crates", all.len()),
            };
            let seconds = now.duration_since(begin).as_secs_f64();
            ("update_display_data", content(&id, &format!("compiled {what} in {seconds:.1} s")))
        });
        (crates.len(), message)
    }
}

fn content(id: &str, text: &str) -> Value {
    json!({"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": id}})
}

/// Puts the error stream back in its place when it is dropped.
#[must_use]
pub(crate) struct Tap(File);

/// evcxr copies cargo's words to this program's error stream: listens there, and passes everything
/// on to where the stream went before.
#[allow(unsafe_code, reason = "duplicates a descriptor")]
pub(crate) fn follow(outputs: &Arc<Outputs>) -> io::Result<Tap> {
    let (reader, writer) = io::pipe()?;
    // SAFETY: descriptor 2 is open; the copy belongs to the file made from it.
    let original = unsafe {
        let copy = libc::fcntl(2, libc::F_DUPFD_CLOEXEC, 3);
        if copy < 0 || libc::dup2(writer.as_raw_fd(), 2) < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from_raw_fd(copy)
    };
    let (mut log, outputs) = (original.try_clone()?, Arc::clone(outputs));
    std::thread::spawn(move || {
        for mut line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            if let Some(name) = compiled_crate(&String::from_utf8_lossy(&line)) {
                outputs.compiling(name);
            }
            line.push(b'\n');
            let _ = log.write_all(&line);
        }
    });
    Ok(Tap(original))
}

impl Drop for Tap {
    #[allow(unsafe_code, reason = "duplicates a descriptor")]
    fn drop(&mut self) {
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(self.0.as_raw_fd(), 2) };
        // The last lines are on their way.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The crate in cargo's line `Compiling name v1.2.3`.
fn compiled_crate(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("Compiling ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_followed_by_the_cell_that_waits_for_it() {
        let (mut build, begin) = (Build::default(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        build.push("one", begin);
        assert!(build.tick(after(1)).is_none(), "nobody waits");
        build.cell = Some(Cell::default());
        let (kind, content) = build.tick(after(2)).unwrap();
        assert_eq!(
            (kind, &content["data"]["text/plain"]),
            ("display_data", &json!("compiling one, 2 s"))
        );
        assert!(build.tick(after(2)).is_none(), "once a second");
        build.push("two", after(3));
        let (kind, content) = build.tick(after(3)).unwrap();
        assert_eq!(kind, "update_display_data");
        assert_eq!(content["data"]["text/plain"], "compiling two (crate 2), 3 s");
        let (count, last) = build.end(after(4));
        assert_eq!(
            (count, &last.unwrap().1["data"]["text/plain"]),
            (2, &json!("compiled 2 crates in 4.0 s"))
        );
        assert!(build.tick(after(5)).is_none() && build.end(after(5)).1.is_none());
    }

    #[test]
    fn cargos_lines_are_understood() {
        assert_eq!(compiled_crate("   Compiling twoviews v0.1.0 (/x)"), Some("twoviews"));
        assert_eq!(compiled_crate("error: no"), None);
    }
}
