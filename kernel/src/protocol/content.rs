//! What the kernel says.

use serde::Serialize;
use serde_json::{Map, Value};

use super::replies::{
    CommInfo, Completion, ExecuteReply, History, Inspection, IsComplete, KernelInfo, Reply,
    Shutdown,
};

/// Each message of the kernel: its name in the protocol is that of the variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "msg_type", content = "content", rename_all = "snake_case")]
pub(crate) enum Content {
    // To everyone who listens.
    ClearOutput(ClearOutput),
    CommClose(CommClose),
    DisplayData(Display),
    Error(ErrorContent),
    ExecuteInput(ExecuteInput),
    ExecuteResult(ExecuteResult),
    IopubWelcome(IopubWelcome),
    Status(Status),
    Stream(Stream),
    UpdateDisplayData(Display),
    // To the client that has asked.
    CommInfoReply(Reply<CommInfo>),
    CompleteReply(Reply<Completion>),
    ExecuteReply(ExecuteReply),
    HistoryReply(Reply<History>),
    InputRequest(InputRequest),
    InspectReply(Reply<Inspection>),
    InterruptReply(Reply<Empty>),
    IsCompleteReply(IsComplete),
    KernelInfoReply(Reply<KernelInfo>),
    ShutdownReply(Reply<Shutdown>),
}

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
    pub metadata: Empty,
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
    pub metadata: Empty,
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

/// A question to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InputRequest {
    pub prompt: String,
    pub password: bool,
}

impl Content {
    /// The name of the message, and its content as JSON.
    pub(super) fn parts(&self) -> (String, Value) {
        let mut message = serde_json::to_value(self).unwrap_or_default();
        let kind = message["msg_type"].as_str().unwrap_or_default().to_owned();
        (kind, message["content"].take())
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_are_written_as_the_protocol_names_them() {
        let error = ErrorContent::of_the_kernel("why");
        let failed = ExecuteReply::Error { error: error.clone(), execution_count: Some(3) };
        let display = Display::with_id(json!({"text/plain": "a"}), "1");
        for (content, kind, expected) in [
            (Content::Status(Status::Busy), "status", json!({"execution_state": "busy"})),
            (
                Content::DisplayData(Display::new(json!({}))),
                "display_data",
                json!({"data": {}, "metadata": {}, "transient": {}}),
            ),
            (
                Content::UpdateDisplayData(display),
                "update_display_data",
                json!({"data": {"text/plain": "a"}, "metadata": {}, "transient": {"display_id": "1"}}),
            ),
            (
                Content::ExecuteReply(ExecuteReply::ok(2)),
                "execute_reply",
                json!({"status": "ok", "execution_count": 2, "payload": [], "user_expressions": {}}),
            ),
            (
                Content::ExecuteReply(failed),
                "execute_reply",
                json!({"status": "error", "ename": "KernelError", "evalue": "why", "traceback": [],
                       "execution_count": 3}),
            ),
            (
                Content::ExecuteReply(ExecuteReply::Aborted),
                "execute_reply",
                json!({"status": "aborted"}),
            ),
            (
                Content::InterruptReply(Reply::Ok(Empty {})),
                "interrupt_reply",
                json!({"status": "ok"}),
            ),
            (
                Content::InterruptReply(Reply::Error(error)),
                "interrupt_reply",
                json!({"status": "error", "ename": "KernelError", "evalue": "why", "traceback": []}),
            ),
            (
                Content::ShutdownReply(Reply::Ok(Shutdown { restart: true })),
                "shutdown_reply",
                json!({"status": "ok", "restart": true}),
            ),
            (
                Content::IsCompleteReply(IsComplete::Incomplete { indent: "  ".to_owned() }),
                "is_complete_reply",
                json!({"status": "incomplete", "indent": "  "}),
            ),
            (
                Content::CommInfoReply(Reply::Ok(CommInfo::default())),
                "comm_info_reply",
                json!({"status": "ok", "comms": {}}),
            ),
            (
                Content::CompleteReply(Reply::Ok(Completion::none(4))),
                "complete_reply",
                json!({"status": "ok", "matches": [], "cursor_start": 4, "cursor_end": 4,
                       "metadata": {}}),
            ),
            (
                Content::InspectReply(Reply::Ok(Inspection::default())),
                "inspect_reply",
                json!({"status": "ok", "found": false, "data": {}, "metadata": {}}),
            ),
        ] {
            assert_eq!(content.parts(), (kind.to_owned(), expected));
        }
    }
}
