//! What clients ask.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::message::Message;

/// A request by its kind. What is missing or of a wrong type has its default.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    CommClose,
    CommInfo,
    CommMessage,
    CommOpen(CommOpen),
    Complete(CodeAtCursor),
    Execute(ExecuteRequest),
    History(HistoryRequest),
    InputReply(InputReply),
    Inspect(CodeAtCursor),
    Interrupt,
    IsComplete(IsCompleteRequest),
    KernelInfo,
    Shutdown(ShutdownRequest),
    /// Of a later version of the protocol, or of none.
    Unknown,
}

impl Request {
    pub(crate) fn of(message: &Message) -> Self {
        let content = &message.content;
        match message.kind() {
            "comm_close" => Self::CommClose,
            "comm_info_request" => Self::CommInfo,
            "comm_msg" => Self::CommMessage,
            "comm_open" => Self::CommOpen(read(content)),
            "complete_request" => Self::Complete(read(content)),
            "execute_request" => Self::Execute(read(content)),
            "history_request" => Self::History(read(content)),
            "input_reply" => Self::InputReply(read(content)),
            "inspect_request" => Self::Inspect(read(content)),
            "interrupt_request" => Self::Interrupt,
            "is_complete_request" => Self::IsComplete(read(content)),
            "kernel_info_request" => Self::KernelInfo,
            "shutdown_request" => Self::Shutdown(read(content)),
            _ => Self::Unknown,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct CommOpen {
    pub comm_id: Value,
}

/// A cell to run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ExecuteRequest {
    /// There is nothing to run without it.
    #[serde(default, deserialize_with = "or_default")]
    pub code: Option<String>,
    /// Nothing is shown, counted or kept.
    #[serde(default, deserialize_with = "or_default")]
    pub silent: bool,
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub store_history: bool,
    /// Whether the user can be asked.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub allow_stdin: bool,
    /// Whether what is queued behind it is aborted if it fails.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub stop_on_error: bool,
}

/// A question about code at a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct CodeAtCursor {
    #[serde(deserialize_with = "or_default")]
    pub code: String,
    /// Counts characters.
    #[serde(deserialize_with = "or_default")]
    cursor_pos: Option<u64>,
}

impl CodeAtCursor {
    /// The cursor; the end of the code, if none is told.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor_pos.map_or_else(|| self.code.chars().count(), |at| at as usize)
    }
}

/// Which cells that were run are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryRequest {
    #[serde(deserialize_with = "or_default")]
    pub hist_access_type: HistoryAccess,
    #[serde(deserialize_with = "or_default")]
    pub output: bool,
    /// The last so many, in a tail or search.
    #[serde(deserialize_with = "or_default")]
    pub n: Option<u64>,
    /// The counts of a range.
    #[serde(deserialize_with = "or_default")]
    pub start: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    pub stop: Option<i64>,
    /// What is searched, with `*` and `?`.
    #[serde(deserialize_with = "or_default")]
    pub pattern: Option<String>,
    /// Each code once, in a search.
    #[serde(deserialize_with = "or_default")]
    pub unique: bool,
}

/// How cells are chosen from the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HistoryAccess {
    Range,
    Search,
    #[default]
    Tail,
}

/// The user's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct InputReply {
    #[serde(deserialize_with = "or_default")]
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct IsCompleteRequest {
    #[serde(deserialize_with = "or_default")]
    pub code: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ShutdownRequest {
    #[serde(deserialize_with = "or_default")]
    pub restart: bool,
}

/// Reads a content; of what is no object, nothing.
fn read<T: DeserializeOwned>(content: &Value) -> T {
    let object: Map<String, Value> = content.as_object().cloned().unwrap_or_default();
    serde_json::from_value(Value::Object(object)).expect("each field has a default")
}

fn yes() -> bool {
    true
}

fn or_yes<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(or_default::<_, Option<bool>>(from)?.unwrap_or(true))
}

/// A field, or its default if it has a wrong type.
fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    from: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(kind: &str, content: Value) -> Request {
        Request::of(&Message { header: json!({"msg_type": kind}), content, ..Message::default() })
    }

    #[test]
    fn wrong_and_missing_fields_have_their_defaults() {
        let default = ExecuteRequest {
            code: None,
            silent: false,
            store_history: true,
            allow_stdin: true,
            stop_on_error: true,
        };
        for content in [
            json!({}),
            json!(null),
            json!([]),
            json!(["code"]),
            json!("code"),
            json!({"code": 1, "silent": "yes", "store_history": null, "allow_stdin": 0, "x": {}}),
        ] {
            assert_eq!(request("execute_request", content), Request::Execute(default.clone()));
        }
        let content = json!({"code": "1", "silent": true, "stop_on_error": false});
        let code = Some("1".to_owned());
        let told = ExecuteRequest { code, silent: true, stop_on_error: false, ..default };
        assert_eq!(request("execute_request", content), Request::Execute(told));
    }

    #[test]
    fn a_cursor_that_is_not_told_is_at_the_end() {
        for (content, expected) in [
            (json!({"code": "äb", "cursor_pos": 1}), 1),
            (json!({"code": "äb"}), 2),
            (json!({"code": "äb", "cursor_pos": -1}), 2),
            (json!({"code": "äb", "cursor_pos": 1.0}), 2),
            (json!({"code": "äb", "cursor_pos": null}), 2),
            (json!({"code": null}), 0),
        ] {
            let Request::Complete(request) = request("complete_request", content) else {
                panic!("another request")
            };
            assert_eq!(request.cursor(), expected);
        }
    }

    #[test]
    fn history_is_its_tail_unless_something_else_is_asked_for() {
        for (access, expected) in [
            (json!("range"), HistoryAccess::Range),
            (json!("search"), HistoryAccess::Search),
            (json!("tail"), HistoryAccess::Tail),
            (json!("other"), HistoryAccess::Tail),
            (json!(1), HistoryAccess::Tail),
        ] {
            let content = json!({"hist_access_type": access, "n": 2.5, "start": "1"});
            let history =
                HistoryRequest { hist_access_type: expected, ..HistoryRequest::default() };
            assert_eq!(request("history_request", content), Request::History(history));
        }
    }

    #[test]
    fn what_has_no_kind_is_unknown() {
        assert_eq!(request("debug_request", json!({})), Request::Unknown);
        assert_eq!(Request::of(&Message::default()), Request::Unknown);
    }
}
