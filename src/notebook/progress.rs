//! A progress bar that shows itself wherever the program runs.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::single_line_term::SingleLineTerm;
use super::{Host, LiveDisplay};

/// Whole lines at most this often where a bar cannot move.
const LINE_INTERVAL: Duration = Duration::from_secs(3);
/// Work that is done sooner shows no brief bar.
const BRIEF: Duration = Duration::from_secs(1);

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
        Self::with_template(what, length, &counting(unit), Duration::ZERO)
    }

    /// As [`new`](Self::new), but on this project's kernel nothing is shown of work that is done within a second.
    pub fn brief(what: &str, length: u64, unit: &str) -> Self {
        Self::with_template(what, length, &counting(unit), BRIEF)
    }

    /// A bar that counts bytes.
    pub fn bytes(what: &str, length: u64) -> Self {
        let template = "{prefix} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left {msg}";
        Self::with_template(what, length, template, Duration::ZERO)
    }

    /// Shows nothing.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    fn with_template(what: &str, length: u64, template: &str, patience: Duration) -> Self {
        let target = match Host::detect() {
            Host::Terminal => ProgressDrawTarget::stderr(),
            Host::TwoviewsKernel => {
                ProgressDrawTarget::term_like_with_hz(Box::new(live_line(what, patience)), 8)
            }
            _ => ProgressDrawTarget::term_like_with_hz(Box::new(whole_lines()), 1),
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

/// The line of a bar that counts in `unit`.
fn counting(unit: &str) -> String {
    format!(
        "{{prefix}} {{bar:24}} {{human_pos}}/{{human_len}} {unit}, {{rate}}, {{eta}} left {{msg}}"
    )
}

/// A line that is updated in place, from some time on.
fn live_line(what: &str, patience: Duration) -> SingleLineTerm {
    let (display, begin) = (LiveDisplay::new(what), Instant::now());
    SingleLineTerm::new(move |line| {
        if begin.elapsed() >= patience {
            display.show("text/plain", line);
        }
    })
}

/// Whole lines, a few seconds apart.
fn whole_lines() -> SingleLineTerm {
    let mut last = Instant::now();
    SingleLineTerm::new(move |line| {
        if last.elapsed() < LINE_INTERVAL {
            return;
        }
        // A notebook shows the error stream as an alarm, a log keeps it apart from results.
        match Host::detect() {
            Host::Pipe => eprintln!("{line}"),
            _ => println!("{line}"),
        }
        last = Instant::now();
        line.clear();
    })
}
