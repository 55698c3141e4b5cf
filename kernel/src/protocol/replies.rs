//! The contents of what goes to the client that has asked.

use serde::Serialize;
use serde_json::{Map, Value};

use super::broadcasts::{Empty, ErrorContent};

/// What was asked for, or why it cannot be had.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Reply<T> {
    Ok(T),
    Error(ErrorContent),
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum ExecuteReply {
    Ok {
        execution_count: i64,
        payload: Vec<AskExit>,
        user_expressions: Empty,
    },
    Error {
        #[serde(flatten)]
        error: ErrorContent,
        /// Not there if the request had no cell.
        #[serde(skip_serializing_if = "Option::is_none")]
        execution_count: Option<i64>,
    },
    /// It did not run, since one before it has failed.
    Aborted,
}

impl ExecuteReply {
    /// `quits`: the front end is asked to end, as a console does.
    pub(crate) fn ok(execution_count: i64, quits: bool) -> Self {
        let ask = AskExit { source: "ask_exit", keepkernel: false };
        let payload = if quits { vec![ask] } else { Vec::new() };
        Self::Ok { execution_count, payload, user_expressions: Empty {} }
    }
}

/// What a front end may do after a cell; notebooks do nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AskExit {
    source: &'static str,
    keepkernel: bool,
}

/// How long a cell took, in seconds; beside its reply.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Timing {
    pub compile_seconds: f64,
    pub run_seconds: f64,
}

/// What the kernel says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KernelInfo {
    pub protocol_version: &'static str,
    pub implementation: &'static str,
    pub implementation_version: &'static str,
    pub language_info: LanguageInfo,
    pub banner: String,
    pub debugger: bool,
    pub help_links: [HelpLink; 1],
}

/// The language of the cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LanguageInfo {
    pub name: &'static str,
    pub version: &'static str,
    pub mimetype: &'static str,
    pub file_extension: &'static str,
    pub pygments_lexer: &'static str,
    pub codemirror_mode: &'static str,
    pub nbconvert_exporter: &'static str,
}

/// An entry of Jupyter's help menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HelpLink {
    pub text: &'static str,
    pub url: &'static str,
}

/// Whether a piece of code is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum IsComplete {
    Complete,
    /// More is needed; the next line begins with `indent`.
    Incomplete {
        indent: String,
    },
    /// Nothing that follows can mend it.
    Invalid,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct History {
    pub history: Vec<HistoryEntry>,
}

/// Session, execution count and code; with the output, which is not kept, if that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum HistoryEntry {
    Input(u64, i64, String),
    WithOutput(u64, i64, (String, Option<String>)),
}

/// The comms that are open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct CommInfo {
    pub comms: Empty,
}

/// What a word may become. Positions count characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Completion {
    pub matches: Vec<String>,
    pub cursor_start: usize,
    pub cursor_end: usize,
    pub metadata: CompletionMetadata,
}

/// More about the matches, for clients that show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct CompletionMetadata {
    #[serde(rename = "_jupyter_types_experimental", skip_serializing_if = "Option::is_none")]
    types: Option<Vec<CompletionItem>>,
}

/// One match with its kind and signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CompletionItem {
    pub text: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub signature: String,
    pub start: usize,
    pub end: usize,
}

impl Completion {
    /// Matches for the word between two positions.
    pub(crate) fn new(start: usize, end: usize, items: Vec<CompletionItem>) -> Self {
        let matches = items.iter().map(|item| item.text.clone()).collect();
        let metadata = CompletionMetadata { types: Some(items) };
        Self { matches, cursor_start: start, cursor_end: end, metadata }
    }

    /// The reply where there is nothing to ask.
    pub(crate) fn none(cursor: usize) -> Self {
        let metadata = CompletionMetadata::default();
        Self { matches: Vec::new(), cursor_start: cursor, cursor_end: cursor, metadata }
    }
}

/// What a word means, by MIME type; by default nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Inspection {
    pub found: bool,
    pub data: Map<String, Value>,
    pub metadata: Empty,
}

/// The kernel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shutdown {
    /// Whether another one takes its place.
    pub restart: bool,
}

/// A question to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InputRequest {
    pub prompt: String,
    pub password: bool,
}
