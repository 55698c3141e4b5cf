//! What the kernel says.

use serde::Serialize;
use serde_json::Value;

use super::broadcasts::{
    ClearOutput, CommClose, Display, Empty, ErrorContent, ExecuteInput, ExecuteResult,
    IopubWelcome, Status, Stream,
};
use super::replies::{
    CommInfo, Completion, ExecuteReply, History, InputRequest, Inspection, IsComplete, KernelInfo,
    Reply, Shutdown,
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

impl Content {
    /// The name of the message, and its content as JSON.
    pub(super) fn parts(&self) -> (String, Value) {
        let mut message = serde_json::to_value(self).unwrap_or_default();
        let kind = message["msg_type"].as_str().unwrap_or_default().to_owned();
        (kind, message["content"].take())
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
                Content::ExecuteReply(ExecuteReply::ok(2, false)),
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
