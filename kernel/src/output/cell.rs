//! The cell that runs, as far as its outputs go.

use std::sync::mpsc;
use std::time::Instant;

use serde_json::Value;

use crate::child::panics::Panic;

/// What the cell's outputs belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Header of the request.
    pub parent: Value,
    /// Nothing is shown.
    pub silent: bool,
    /// Whether the value of its last expression is its result.
    pub ends_in_expression: bool,
    pub execution_count: i64,
}

/// A `?` that failed in a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FailedTry {
    pub text: String,
    /// Line and column in what was compiled, if it is a cell's.
    pub place: Option<(usize, usize)>,
}

/// A `return` that ended a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    pub line: usize,
    /// The variables that it has stored.
    pub kept: Vec<String>,
}

/// What a cell did besides printing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// A panic that ended the cell.
    pub panic: Option<Panic>,
    /// A panic of the main thread, even if nothing came after it.
    pub last_panic: Option<Panic>,
    pub error: Option<FailedTry>,
    pub returned: Option<Returned>,
    /// Variables that are no longer what they were and were dropped.
    pub dropped: Vec<String>,
    /// Crates that were compiled for it.
    pub crates: usize,
    /// When the cell began to run.
    pub started: Option<Instant>,
    /// What the code of `:vars` printed.
    pub measures: Option<String>,
}

/// A question to the user, and where the answer goes.
pub(crate) struct Question {
    pub prompt: String,
    pub password: bool,
    /// `None`: the input has ended.
    pub answer: mpsc::Sender<Option<String>>,
}
