//! What cargo says on the error stream of this program.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use std::time::Duration;

use super::outputs::Outputs;

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
    fn cargos_lines_are_understood() {
        assert_eq!(compiled_crate("   Compiling twoviews v0.1.0 (/x)"), Some("twoviews"));
        assert_eq!(compiled_crate("error: no"), None);
    }
}
