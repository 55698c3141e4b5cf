//! How far set-up is, and how long it will still take.

use std::fmt::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::say::{Line, say};

/// A terminal's line is redrawn this often, so that the time runs.
const REDRAW: Duration = Duration::from_secs(1);
/// Elsewhere a line is written this often.
const REPEAT: Duration = Duration::from_secs(25);
/// What is done sooner is not worth a line.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds of work after which the present pace counts as much as the expected one.
const TRUST: f64 = 60.0;

/// The parts of the work, some of which are done at the same time.
pub(super) struct Progress {
    begin: Instant,
    parts: Mutex<Vec<State>>,
}

/// One of the parts.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    progress: &'a Progress,
    index: usize,
}

#[derive(Clone, Debug)]
struct State {
    name: &'static str,
    /// Seconds that one core is expected to need.
    work: f64,
    done: f64,
    /// Crates that are compiled, of how many.
    crates: Option<(usize, usize)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), parts: Mutex::default() }
    }

    fn parts(&self) -> MutexGuard<'_, Vec<State>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part that takes one core about `work` seconds.
    pub(super) fn part(&self, name: &'static str, work: f64) -> Part<'_> {
        let mut parts = self.parts();
        parts.push(State { name, work, done: 0.0, crates: None });
        Part { progress: self, index: parts.len() - 1 }
    }

    /// Does the work, and shows meanwhile how far it is.
    pub(super) fn shown<T>(&self, work: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let (end, ended) = mpsc::channel::<()>();
            scope.spawn(move || self.show(&ended));
            let result = work();
            drop(end);
            result
        })
    }

    fn show(&self, ended: &mpsc::Receiver<()>) {
        let goes_on = |time| ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
        if !goes_on(PATIENCE) {
            return;
        }
        match Line::begin() {
            Some(line) => {
                while {
                    let (share, text) = self.text();
                    line.draw(share, &text);
                    goes_on(REDRAW)
                } {}
            }
            None => {
                while goes_on(REPEAT) {
                    let (share, text) = self.text();
                    say(&format!("{:.0} %, {text}", share * 100.0));
                }
            }
        }
    }

    fn text(&self) -> (f64, String) {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        describe(&self.parts(), self.begin.elapsed().as_secs_f64(), cores as f64)
    }
}

impl Part<'_> {
    fn change(self, change: impl FnOnce(&mut State)) {
        change(&mut self.progress.parts()[self.index]);
    }

    /// It takes one core about `work` seconds, as is known now.
    pub(super) fn expect(&self, work: f64) {
        self.change(|part| part.work = work);
    }

    /// So much of it need not be done.
    pub(super) fn spare(self, work: f64) {
        self.change(|part| part.work = (part.work - work).max(0.0));
    }

    /// So much more is done.
    pub(super) fn advance(self, work: f64) {
        self.change(|part| part.done = (part.done + work).min(part.work));
    }

    /// So many crates of so many are compiled.
    pub(super) fn crates(self, compiled: usize, all: usize) {
        self.change(|part| part.crates = Some((compiled, all)));
    }

    pub(super) fn finish(&self) {
        self.change(|part| part.done = part.work);
    }
}

/// The share that is done after so many seconds, and what is being done and how long it will take.
fn describe(parts: &[State], elapsed: f64, cores: f64) -> (f64, String) {
    let sum = |value: fn(&State) -> f64| -> f64 { parts.iter().map(value).sum() };
    let (work, done) = (sum(|part| part.work), sum(|part| part.done));
    // Seconds for a second of work: at first what is expected, later what was measured.
    let pace = (elapsed + TRUST / cores) / (done + TRUST);
    let mut text = time_left((work - done) * pace);
    let mut separator = ": ";
    for part in parts.iter().filter(|part| part.done < part.work) {
        let _ = write!(text, "{separator}{}", part.name);
        if let Some((compiled, all)) = part.crates {
            let _ = write!(text, " {compiled} of {all} crates");
        }
        separator = ", ";
    }
    let share = if work > 0.0 { done / work } else { 0.0 };
    (share, text)
}

fn time_left(seconds: f64) -> String {
    match (seconds / 60.0).round() as u64 {
        0 => "less than a minute left".to_owned(),
        1 => "about a minute left".to_owned(),
        minutes => format!("about {minutes} minutes left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_pace() {
        let progress = Progress::new();
        let kernel = progress.part("kernel", 400.0);
        let python = progress.part("JupyterLab", 20.0);
        let described = |elapsed| describe(&progress.parts(), elapsed, 2.0);
        // Nothing is known yet: two cores, 420 seconds of work.
        assert_eq!(described(0.0), (0.0, "about 4 minutes left: kernel, JupyterLab".to_owned()));
        // A machine of half that speed: 200 seconds for 200.
        python.finish();
        kernel.crates(90, 250);
        kernel.advance(190.0);
        let (share, text) = described(210.0);
        assert_eq!(share, 0.5);
        assert_eq!(text, "about 3 minutes left: kernel 90 of 250 crates");
        // The rest was compiled by an earlier set-up.
        kernel.spare(200.0);
        assert!(described(210.0).1.starts_with("less than a minute left: kernel"));
        kernel.advance(1000.0);
        assert_eq!(described(220.0), (1.0, "less than a minute left".to_owned()));
    }
}
