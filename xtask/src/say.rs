//! What the user is told.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line that is redrawn at present.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn line() -> MutexGuard<'static, Option<ProgressBar>> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line that says what is being done and where.
pub fn say(what: &str) {
    write(&format!("[xtask] {what}\n"));
}

/// Writes whole lines of another program as they are, above the one that is redrawn.
pub fn write(lines: &str) {
    match &*line() {
        Some(bar) => bar.suspend(|| eprint!("{lines}")),
        None => eprint!("{lines}"),
    }
}

/// The last line of a terminal, which is redrawn while this value lives. There is one at a time.
pub struct Line {}

impl Line {
    /// `None` where messages go to a file or another program.
    pub fn begin() -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("[xtask] {bar:20} {percent:>3} % {wide_msg}")
        {
            bar.set_style(style);
        }
        *line() = Some(bar);
        Some(Self {})
    }

    /// Draws it with a share between 0 and 1.
    pub fn draw(&self, share: f64, text: &str) {
        if let Some(bar) = &*line() {
            bar.set_position((share * 100.0) as u64);
            bar.set_message(text.to_owned());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = line().take() {
            bar.finish_and_clear();
        }
    }
}
