//! What the engine is asked, and what it answers.

use tokio::sync::oneshot;

use super::errors::Failure;
use crate::output::Cell;
use crate::protocol::{Completion, Inspection, Timing};

/// One thing to do; each answer goes where it is waited for.
pub(crate) enum Job {
    Execute { request: CellRequest, reply: oneshot::Sender<CellResult> },
    Complete { code: String, cursor: usize, reply: oneshot::Sender<Completion> },
    Inspect { code: String, cursor: usize, reply: oneshot::Sender<Inspection> },
}

/// A user's cell on its way.
pub(crate) struct CellRequest {
    pub code: String,
    /// Jupyter's name of the cell, if the client tells it.
    pub id: Option<String>,
    pub cell: Cell,
}

/// How a cell ended.
pub(crate) struct CellResult {
    pub failure: Option<Failure>,
    pub timing: Timing,
    /// Whether it was to end the front end.
    pub quits: bool,
}

impl CellResult {
    /// A cell that did not get as far as being compiled.
    pub(crate) fn failed(failure: Failure) -> Self {
        let timing = Timing { compile_seconds: 0.0, run_seconds: 0.0 };
        Self { failure: Some(failure), timing, quits: false }
    }
}
