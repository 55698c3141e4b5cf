//! Interrupts: a file that exists while the running cell is asked to stop.
//!
//! Each cell may have its own copy of every `static`, but they all see the same files. The library
//! asks for it between steps (`twoviews::notebook::interrupted`).

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use twoviews_constants::variable::INTERRUPT_FILE;

fn path() -> Option<PathBuf> {
    std::env::var_os(INTERRUPT_FILE).map(PathBuf::from)
}

/// Whether the running cell is asked to stop, in the process that runs it or compiles it.
pub(crate) fn is_asked() -> bool {
    path().is_some_and(|path| path.exists())
}

/// What the kernel knows of interrupts: whether the user's cell is asked to stop, and whether something else runs
/// now that must not be stopped in its place.
#[derive(Debug, Default)]
pub(crate) struct Interrupts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of the interrupt that the present cell has got.
    asked: Option<u64>,
    /// Interrupts so far.
    count: u64,
    /// How many [`Shield`]s there are.
    shields: usize,
}

impl State {
    /// Lets the process of the cells know.
    fn show(&self) -> std::io::Result<()> {
        let Some(path) = path() else { return Ok(()) };
        if self.asked.is_some() && self.shields == 0 {
            return std::fs::write(path, "");
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Interrupts {
    /// Asks the present cell to stop, and gives the interrupt's number; `None` if the cell was asked before.
    pub(crate) fn ask(&self) -> std::io::Result<Option<u64>> {
        let mut state = self.lock();
        if state.asked.is_some() {
            return Ok(None);
        }
        state.count += 1;
        state.asked = Some(state.count);
        let shown = state.show();
        if shown.is_err() {
            state.asked = None;
        }
        shown.map(|()| state.asked)
    }

    /// Whether the present cell is asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.lock().asked.is_some()
    }

    /// Whether the present cell is the one that the interrupt of this number was meant for.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.lock().asked == Some(number)
    }

    /// Whether the present cell was asked to stop. From here on it is not: the kernel's own code comes next.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.lock();
        let asked = state.asked.take().is_some();
        let _ = state.show();
        asked
    }

    /// Does something to what runs for the user, if the interrupt of this number still holds; nothing of the
    /// kernel's own begins meanwhile.
    pub(crate) fn stop(&self, number: u64, stop: impl FnOnce()) {
        let state = self.lock();
        if state.asked == Some(number) && state.shields == 0 {
            stop();
        }
    }

    /// As long as the shield lasts, what runs is the kernel's own and is not stopped.
    pub(crate) fn shield(&self) -> Shield<'_> {
        let mut state = self.lock();
        state.shields += 1;
        let _ = state.show();
        Shield(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Interrupts::shield`].
#[must_use]
pub(crate) struct Shield<'a>(&'a Interrupts);

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.shields -= 1;
        let _ = state.show();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_is_for_one_cell() {
        let interrupts = Interrupts::default();
        let first = interrupts.ask().unwrap().unwrap();
        assert!(interrupts.is_asked() && interrupts.holds(first));
        assert_eq!(interrupts.ask().unwrap(), None, "the cell was asked before");
        assert!(interrupts.take());
        assert!(!interrupts.is_asked() && !interrupts.holds(first) && !interrupts.take());
        let second = interrupts.ask().unwrap().unwrap();
        assert!(interrupts.holds(second) && !interrupts.holds(first));
        interrupts.stop(first, || panic!("it was for another cell"));
    }

    #[test]
    fn a_shield_keeps_an_interrupt_from_what_is_the_kernels_own() {
        let interrupts = Interrupts::default();
        let mut stopped = 0;
        let number = {
            let _shield = interrupts.shield();
            let number = interrupts.ask().unwrap().unwrap();
            let _another = interrupts.shield();
            interrupts.stop(number, || stopped += 1);
            number
        };
        assert_eq!(stopped, 0);
        assert!(interrupts.holds(number), "it waits");
        interrupts.stop(number, || stopped += 1);
        assert_eq!(stopped, 1);
    }
}
