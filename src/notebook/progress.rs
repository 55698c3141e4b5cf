//! A progress bar that shows itself wherever the program runs.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::{Host, LiveDisplay};

/// Whole lines at most this often where a bar cannot move.
const SECONDS_BETWEEN_LINES: f64 = 3.0;

/// A bar of `indicatif` with position, rate and time left.
///
/// In a terminal and on this project's kernel it moves in place; on another kernel or in a log that
/// shows whole lines only, it prints a line every three seconds at most, and nothing at all for work
/// that is over before that.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of `length` steps, named `what`, counting in `unit` (such as `images`).
    pub fn new(what: &str, length: u64, unit: &str) -> Self {
        let template = format!(
            "{{prefix}} {{bar:24}} {{human_pos}}/{{human_len}} {unit}, {{rate}}, {{eta}} left {{msg}}"
        );
        Self::with_template(what, length, &template)
    }

    /// A bar that counts bytes.
    pub fn bytes(what: &str, length: u64) -> Self {
        let template = "{prefix} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left {msg}";
        Self::with_template(what, length, template)
    }

    /// Shows nothing.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    fn with_template(what: &str, length: u64, template: &str) -> Self {
        let target = match Host::detect() {
            Host::Terminal => ProgressDrawTarget::stderr(),
            Host::TwoviewsKernel => {
                ProgressDrawTarget::term_like_with_hz(Box::new(LiveLine::new(what)), 8)
            }
            _ => ProgressDrawTarget::term_like_with_hz(Box::new(WholeLines::default()), 1),
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            // Whole numbers: a rate is not known to four digits.
            .with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
                let _ = write!(text, "{:.0}/s", state.per_sec());
            })
            .progress_chars("━╸─");
        bar.set_style(style);
        bar.set_prefix(what.to_owned());
        Self { bar }
    }

    /// The underlying bar, for libraries that take one.
    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Goes on by `steps`.
    pub fn inc(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// Sets the position.
    pub fn set_position(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Sets the text at the end of the line.
    pub fn set_message(&self, message: impl Into<Cow<'static, str>>) {
        self.bar.set_message(message);
    }

    /// Ends the bar and leaves its last state.
    pub fn finish(&self) {
        self.bar.abandon();
    }

    /// Time since the bar was made.
    pub fn elapsed(&self) -> Duration {
        self.bar.elapsed()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Progress({}/{})", self.bar.position(), self.bar.length().unwrap_or(0))
    }
}

/// A terminal for `indicatif` with one line, which is a display that is updated in place.
#[derive(Debug)]
struct LiveLine {
    display: LiveDisplay,
    line: std::sync::Mutex<String>,
}

impl LiveLine {
    fn new(what: &str) -> Self {
        Self { display: LiveDisplay::new(what), line: std::sync::Mutex::default() }
    }
}

impl TermLike for LiveLine {
    fn width(&self) -> u16 {
        100
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.write_str(text)
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        if !text.trim().is_empty() {
            let mut line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *line = text.trim_end().to_owned();
        }
        Ok(())
    }
    fn clear_line(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        let line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !line.is_empty() {
            self.display.show("text/plain", &line);
        }
        Ok(())
    }
}

/// A terminal for `indicatif` that prints whole lines, a few seconds apart.
#[derive(Debug)]
struct WholeLines {
    state: std::sync::Mutex<LineState>,
}

#[derive(Debug)]
struct LineState {
    line: String,
    last: std::time::Instant,
}

impl Default for WholeLines {
    fn default() -> Self {
        let state = LineState { line: String::new(), last: std::time::Instant::now() };
        Self { state: state.into() }
    }
}

impl WholeLines {
    fn with(&self, change: impl FnOnce(&mut LineState)) -> std::io::Result<()> {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        Ok(())
    }
}

impl TermLike for WholeLines {
    fn width(&self) -> u16 {
        100
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.write_str(text)
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.with(|state| {
            if !text.trim().is_empty() {
                state.line = text.trim_end().to_owned();
            }
        })
    }
    fn clear_line(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        self.with(|state| {
            if !state.line.is_empty() && state.last.elapsed().as_secs_f64() >= SECONDS_BETWEEN_LINES
            {
                // A notebook shows the error stream as an alarm, a log keeps it apart from results.
                match Host::detect() {
                    Host::Pipe => eprintln!("{}", state.line),
                    _ => println!("{}", state.line),
                }
                state.last = std::time::Instant::now();
                state.line.clear();
            }
        })
    }
}
