//! Where the program runs, read from what the kernel announces in the environment.

use std::io::IsTerminal;
use std::path::Path;

use twoviews_constants::variable;

use crate::{Error, Result};

/// The place that shows the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A terminal: bars move in place.
    Terminal,
    /// The kernel of this project: output is live, displays can be updated.
    TwoviewsKernel,
    /// Any other evcxr kernel: only whole lines are shown.
    StockEvcxr,
    /// A file or a pipe: only whole lines make sense.
    Pipe,
}

impl Host {
    /// Asks the environment: `TWOVIEWS_KERNEL` is set by this project's kernel,
    /// `EVCXR_IS_RUNTIME` by every evcxr.
    pub fn detect() -> Self {
        if std::env::var_os(variable::KERNEL).is_some() {
            Self::TwoviewsKernel
        } else if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
            Self::StockEvcxr
        } else if std::io::stderr().is_terminal() {
            Self::Terminal
        } else {
            Self::Pipe
        }
    }
}

/// Whether the user asked the running cell to stop; long work asks this between steps and then
/// returns [`Error::Interrupted`](crate::Error::Interrupted).
///
/// The kernel names a file in `TWOVIEWS_INTERRUPT_FILE` that exists while a cell is asked to stop:
/// cells may each have a copy of every `static`, but they all see the same files. Without that
/// variable the answer is always `false`.
pub fn interrupted() -> bool {
    std::env::var_os(variable::INTERRUPT_FILE).is_some_and(|file| Path::new(&file).exists())
}

/// Ends long work between two steps if the user asked for it; `place` says what was being done.
///
/// # Errors
/// [`Error::Interrupted`].
pub(crate) fn check_interrupt(place: impl FnOnce() -> String) -> Result<()> {
    if interrupted() { Err(Error::Interrupted { place: place() }) } else { Ok(()) }
}
