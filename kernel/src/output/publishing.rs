//! From text, rich outputs and live displays to messages.

use std::time::{Duration, Instant};

use serde_json::Value;
use twoviews_constants::mime;

use super::outputs::{HELD_BYTES, HOLD, Outputs, relock};
use super::state::{Held, State};
use crate::protocol::{ClearOutput, Content, Display, ExecuteResult, Stream};

/// The text of an error is cut off here.
const LONGEST_ERROR: usize = 1 << 20;
/// MIME type of what the code of `:vars` prints for the kernel.
pub(crate) const MEASURES: &str = "application/x-twoviews-variables";

impl Outputs {
    /// What has waited long enough: text, states of displays, news of the compiler.
    pub(super) fn publish_due(&self) {
        let mut state = self.lock();
        self.publish_held(&mut state, Some(HOLD));
        for display in state.displays.due(Instant::now()) {
            self.send(&state, Content::UpdateDisplayData(display));
        }
        drop(state);
        let (cell, message) = {
            let mut build = relock(&self.build);
            let message = build.tick(Instant::now());
            (build.cell.clone(), message)
        };
        self.tell(cell.as_ref(), message);
    }

    /// Text and states of displays that wait still.
    pub(super) fn publish_rest(&self, state: &mut State) {
        self.publish_held(state, None);
        for display in state.displays.rest() {
            self.send(state, Content::UpdateDisplayData(display));
        }
    }

    pub(super) fn hold(&self, state: &mut State, name: &'static str, text: &str) {
        if (state.failed || state.error_place.is_some()) && name == "stderr" {
            if state.error_text.len() < LONGEST_ERROR {
                state.error_text.push_str(text);
            }
            return;
        }
        if name == "stdout" {
            self.publish_bundle(state, false);
        }
        if state.held.as_ref().is_some_and(|held| held.name != name) {
            self.publish_held(state, None);
        }
        let new = || Held { name, text: String::new(), since: Instant::now() };
        let held = state.held.get_or_insert_with(new);
        held.text.push_str(text);
        if held.text.len() >= HELD_BYTES {
            self.publish_held(state, None);
        }
    }

    /// Publishes text that waits; with `age`, only if it has waited that long.
    pub(super) fn publish_held(&self, state: &mut State, age: Option<Duration>) {
        let due = |held: &mut Held| age.is_none_or(|age| held.since.elapsed() >= age);
        if let Some(Held { name, text, .. }) = state.held.take_if(due) {
            self.send(state, Content::Stream(Stream { name, text }));
        }
    }

    /// Blocks of different types that follow one another are one object in several forms.
    pub(super) fn content(&self, state: &mut State, kind: String, body: String) {
        self.publish_held(state, None);
        if kind == mime::DISPLAY {
            self.publish_bundle(state, false);
            self.live_display(state, &body);
            return;
        }
        if kind == MEASURES {
            state.measures = Some(body);
            return;
        }
        if kind == mime::METADATA {
            // Of what was printed before; nothing more belongs to it then.
            if let Ok(Value::Object(metadata)) = serde_json::from_str(&body) {
                state.bundle_metadata = metadata;
            }
            return;
        }
        if state.bundle.contains_key(&kind) || !state.bundle_metadata.is_empty() {
            self.publish_bundle(state, false);
        }
        // Jupyter wants JSON types as JSON; everything else is text.
        let json = kind == "application/json" || kind.ends_with("+json");
        let value = if json { serde_json::from_str(&body).ok() } else { None };
        state.bundle.insert(kind, value.unwrap_or(Value::String(body)));
    }

    pub(super) fn publish_bundle(&self, state: &mut State, last: bool) {
        let metadata = std::mem::take(&mut state.bundle_metadata);
        if state.bundle.is_empty() {
            return;
        }
        let data = std::mem::take(&mut state.bundle);
        // The value of a loop says nothing.
        if data.len() == 1 && data.get("text/plain").is_some_and(|text| text == "()") {
            return;
        }
        let Some(cell) = &state.cell else { return };
        if last && cell.ends_in_expression && state.shows_value {
            let execution_count = cell.execution_count;
            let result = ExecuteResult { execution_count, data, metadata };
            self.send(state, Content::ExecuteResult(result));
        } else {
            let display = Display { metadata, ..Display::new(Value::Object(data)) };
            self.send(state, Content::DisplayData(display));
        }
    }

    fn live_display(&self, state: &mut State, body: &str) {
        let Ok(mut request) = serde_json::from_str::<Value>(body) else { return };
        let id = request["display_id"].as_str().unwrap_or_default().to_owned();
        let mut display = Display::with_id(request["data"].take(), &id);
        if let Value::Object(metadata) = request["metadata"].take() {
            display.metadata = metadata;
        }
        match request["op"].as_str() {
            Some("display") => {
                state.displays.show(&id, Instant::now());
                self.send(state, Content::DisplayData(display));
            }
            Some("update") => {
                if let Some(display) = state.displays.update(&id, display, Instant::now()) {
                    self.send(state, Content::UpdateDisplayData(display));
                }
            }
            Some("clear") => {
                self.publish_rest(state);
                let wait = request["wait"].as_bool().unwrap_or(false);
                self.send(state, Content::ClearOutput(ClearOutput { wait }));
            }
            _ => {}
        }
    }

    /// Waits when iopub is behind, and with it the cell that prints too fast.
    pub(super) fn send(&self, state: &State, content: Content) {
        if let Some(cell) = state.cell.as_ref().filter(|cell| !cell.silent) {
            let _ = self.iopub.blocking_send(self.session.message(&cell.parent, &content));
        }
    }
}
