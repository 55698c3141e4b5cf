//! The contents of what goes to everyone who listens.

use serde::Serialize;
use serde_json::{Map, Value};

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Empty {}

/// What the kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "execution_state", rename_all = "lowercase")]
pub(crate) enum Status {
    Busy,
    Idle,
    Starting,
}

/// A cell that is about to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ExecuteInput {
    pub code: String,
    pub execution_count: i64,
}

/// Text on `stdout` or `stderr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Stream {
    pub name: &'static str,
    pub text: String,
}

/// One thing in several forms, by MIME type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Display {
    pub data: Value,
    pub metadata: Map<String, Value>,
    pub transient: Transient,
}

/// What is not stored with a display.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Transient {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_id: Option<String>,
}

/// The value of a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ExecuteResult {
    pub execution_count: i64,
    pub data: Map<String, Value>,
    pub metadata: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ClearOutput {
    /// Until there is something new to show.
    pub wait: bool,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ErrorContent {
    pub ename: String,
    pub evalue: String,
    pub traceback: Vec<String>,
}

/// This kernel opens no comms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CommClose {
    pub comm_id: Value,
    pub data: Empty,
}

/// The answer to a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IopubWelcome {
    pub subscription: String,
}

impl ErrorContent {
    /// Why the kernel cannot answer.
    pub(crate) fn of_the_kernel(why: &str) -> Self {
        Self { ename: "KernelError".to_owned(), evalue: why.to_owned(), traceback: Vec::new() }
    }
}

impl Display {
    /// A display that is not changed later.
    pub(crate) fn new(data: Value) -> Self {
        Self { data, ..Self::default() }
    }

    /// A display that later messages change, by its id.
    pub(crate) fn with_id(data: Value, id: &str) -> Self {
        let transient = Transient { display_id: Some(id.to_owned()) };
        Self { transient, ..Self::new(data) }
    }
}
