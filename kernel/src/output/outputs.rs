//! From what a cell printed to the messages on iopub, live and in order.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::child::backtraces::Frame;
use crate::evaluator::commands::MEASURES;
use crate::output::compiling::Build;
use crate::output::displays::Displays;
use crate::protocol::{Message, Session};
use crate::source::SharedSources;

/// Text waits this long for more, so that a loop of small prints makes few messages.
const HOLD: Duration = Duration::from_millis(20);
/// ... unless this much has come together.
pub(super) const HELD_BYTES: usize = 64 * 1024;
/// How long one output of a process, from which nothing comes, is waited for at the end of a cell.
const PATIENCE: Duration = Duration::from_secs(2);
/// The text of an error is cut off here.
const LONGEST_ERROR: usize = 1 << 20;
/// The library's own display messages: JSON with `op` display, update or clear.
const DISPLAY: &str = "application/x-twoviews-display+json";

/// A question to the reader, and where the answer goes.
pub(crate) struct Question {
    pub prompt: String,
    pub password: bool,
    /// `None`: the input has ended.
    pub answer: std_mpsc::Sender<Option<String>>,
}

/// A panic, as the process of the cells tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Panic {
    /// The innermost first.
    pub frames: Vec<Frame>,
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Panic {
    /// Whether the process cannot go on: a panic in a destructor, or where C would have to unwind.
    pub(crate) fn is_the_end(&self) -> bool {
        ["panic in a function that cannot unwind", "panic in a destructor during cleanup"]
            .contains(&self.message.as_str())
    }
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

/// What the cell's outputs belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Header of the request.
    pub parent: Value,
    /// Nothing is shown.
    pub silent: bool,
    /// Whether the last display is the cell's result.
    pub ends_in_expression: bool,
    pub execution_count: i64,
}

/// Shared by the threads that read the outputs and the engine.
pub(crate) struct Outputs {
    pub(super) session: Session,
    pub(super) iopub: mpsc::Sender<Message>,
    pub(super) questions: mpsc::UnboundedSender<Question>,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    /// When the running cell began to run. By itself: who asks must not wait for slow subscribers.
    pub(super) started: Mutex<Option<Instant>>,
    pub(super) build: Mutex<Build>,
    pub(super) sources: SharedSources,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) cell: Option<Cell>,
    pub(super) held: Option<(&'static str, String, Instant)>,
    pub(super) bundle: Map<String, Value>,
    pub(super) panic: Option<Panic>,
    pub(super) panicked: bool,
    /// Where the `?` stands whose text comes now.
    pub(super) error_place: Option<(usize, usize)>,
    pub(super) failed: bool,
    pub(super) error_text: String,
    pub(super) returned: Option<Returned>,
    pub(super) dropped: Vec<String>,
    pub(super) started: Option<Instant>,
    pub(super) displays: Displays,
    pub(super) measures: Option<String>,
    /// Pieces of output that came, ever.
    pub(super) tokens: u64,
    /// Cells whose end was seen on each output of the present process.
    pub(super) output_ends: usize,
    pub(super) error_ends: usize,
    /// Readers that came to the end of their stream, ever.
    pub(super) readers_ended: usize,
    pub(super) relay: Option<UnixStream>,
    pub(super) input: Option<UnixStream>,
    /// Bytes of input that the present process was given.
    pub(super) given: u64,
}

impl Outputs {
    pub(crate) fn new(
        session: Session,
        iopub: mpsc::Sender<Message>,
        questions: mpsc::UnboundedSender<Question>,
        sources: SharedSources,
    ) -> Arc<Self> {
        let outputs = Arc::new(Self {
            session,
            iopub,
            questions,
            sources,
            state: Mutex::default(),
            changed: Condvar::new(),
            started: Mutex::default(),
            build: Mutex::default(),
        });
        let held = Arc::clone(&outputs);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(HOLD);
                held.publish_due();
            }
        });
        outputs
    }

    /// From here on, outputs belong to this cell.
    pub(crate) fn begin(&self, cell: Cell) {
        let mut state = self.lock();
        self.publish_rest(&mut state);
        *relock(&self.started) = None;
        *state = State {
            cell: Some(cell),
            relay: state.relay.take(),
            input: state.input.take(),
            given: state.given,
            tokens: state.tokens,
            readers_ended: state.readers_ended,
            output_ends: state.output_ends,
            error_ends: state.error_ends,
            ..State::default()
        };
    }

    /// The cell to which outputs belong.
    pub(crate) fn present(&self) -> Option<Cell> {
        self.lock().cell.clone()
    }

    /// Publishes what is left and says what happened. Later outputs, of threads that go on, still
    /// belong to the cell.
    pub(crate) fn finish(&self) -> Outcome {
        let mut state = self.lock();
        self.publish_bundle(&mut state, true);
        self.publish_rest(&mut state);
        *relock(&self.started) = None;
        let place = state.error_place.take();
        let text = std::mem::take(&mut state.error_text);
        let last_panic = state.panic.take();
        let outcome = Outcome {
            panic: state.panicked.then(|| last_panic.clone().unwrap_or_default()),
            last_panic,
            error: state.failed.then_some(FailedTry { text, place }),
            returned: state.returned.take(),
            dropped: std::mem::take(&mut state.dropped),
            crates: 0,
            started: state.started,
            measures: state.measures.take(),
        };
        state.failed = false;
        state.panicked = false;
        outcome
    }

    /// When the running cell began to run; `None` while it is compiled.
    pub(crate) fn started(&self) -> Option<Instant> {
        *relock(&self.started)
    }

    /// Whether the reader waits for a cell.
    pub(crate) fn is_busy(&self) -> bool {
        relock(&self.build).cell.is_some()
    }

    /// The cell that the reader waits for, from its request to its reply.
    pub(crate) fn set_waiting(&self, cell: Option<Cell>) {
        relock(&self.build).cell = cell;
    }

    /// cargo has begun to compile a crate.
    pub(crate) fn compiling(&self, name: &str) {
        relock(&self.build).push(name, Instant::now());
    }

    /// Nothing is compiled any more; how many crates there were.
    pub(crate) fn end_build(&self) -> usize {
        let (cell, (crates, message)) = {
            let mut build = relock(&self.build);
            (build.cell.clone(), build.end(Instant::now()))
        };
        self.tell(cell.as_ref(), message);
        crates
    }

    /// Publishes a message for the cell that waits, which need not be the one that runs.
    fn tell(&self, cell: Option<&Cell>, message: Option<(&str, Value)>) {
        if let (Some(cell), Some((kind, content))) = (cell, message) {
            let _ = self.iopub.blocking_send(self.session.message(kind, &cell.parent, content));
        }
    }

    /// Waits until everything that a process which has ended had written is published; it is the
    /// one after which `readers` streams, ever, have ended.
    pub(crate) fn wait_for_readers(&self, readers: usize) {
        let mut state = self.wait_while(self.lock(), |state| state.readers_ended < readers);
        state.output_ends = 0;
        state.error_ends = 0;
    }

    /// Waits while `waits` holds, as long as anything comes from the process.
    pub(super) fn wait_while<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        waits: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        loop {
            let tokens = state.tokens;
            let (next, waited) = self
                .changed
                .wait_timeout_while(state, PATIENCE, |state| waits(state))
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if !waited.timed_out() || state.tokens == tokens {
                return state;
            }
        }
    }

    /// Streams whose end was seen, ever.
    pub(crate) fn readers_ended(&self) -> usize {
        self.lock().readers_ended
    }

    /// Publishes a message that belongs to the present cell.
    pub(crate) fn publish(&self, kind: &str, content: Value) {
        let mut state = self.lock();
        self.publish_held(&mut state, None);
        self.send(&state, kind, content);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        relock(&self.state)
    }

    /// What has waited long enough: text, states of displays, news of the compiler.
    fn publish_due(&self) {
        let mut state = self.lock();
        self.publish_held(&mut state, Some(HOLD));
        for content in state.displays.due(Instant::now()) {
            self.send(&state, "update_display_data", content);
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
    fn publish_rest(&self, state: &mut State) {
        self.publish_held(state, None);
        for content in state.displays.rest() {
            self.send(state, "update_display_data", content);
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
        if state.held.as_ref().is_some_and(|held| held.0 != name) {
            self.publish_held(state, None);
        }
        let held = state.held.get_or_insert_with(|| (name, String::new(), Instant::now()));
        held.1.push_str(text);
        if held.1.len() >= HELD_BYTES {
            self.publish_held(state, None);
        }
    }

    /// Publishes text that waits; with `age`, only if it has waited that long.
    pub(super) fn publish_held(&self, state: &mut State, age: Option<Duration>) {
        let due =
            |held: &mut (&str, String, Instant)| age.is_none_or(|age| held.2.elapsed() >= age);
        if let Some((name, text, _)) = state.held.take_if(due) {
            self.send(state, "stream", json!({"name": name, "text": text}));
        }
    }

    /// Blocks of different types that follow one another are one object in several forms.
    pub(super) fn content(&self, state: &mut State, mime: String, body: String) {
        self.publish_held(state, None);
        if mime == DISPLAY {
            self.publish_bundle(state, false);
            self.live_display(state, &body);
            return;
        }
        if mime == MEASURES {
            state.measures = Some(body);
            return;
        }
        if state.bundle.contains_key(&mime) {
            self.publish_bundle(state, false);
        }
        // Jupyter wants JSON types as JSON; everything else is text.
        let json = mime == "application/json" || mime.ends_with("+json");
        let value = if json { serde_json::from_str(&body).ok() } else { None };
        state.bundle.insert(mime, value.unwrap_or(Value::String(body)));
    }

    fn publish_bundle(&self, state: &mut State, last: bool) {
        if state.bundle.is_empty() {
            return;
        }
        let data = std::mem::take(&mut state.bundle);
        // The value of a loop says nothing.
        if data.len() == 1 && data.get("text/plain").is_some_and(|text| text == "()") {
            return;
        }
        let Some(cell) = &state.cell else { return };
        if last && cell.ends_in_expression {
            let count = cell.execution_count;
            let content = json!({"execution_count": count, "data": data, "metadata": {}});
            self.send(state, "execute_result", content);
        } else {
            self.send(
                state,
                "display_data",
                json!({"data": data, "metadata": {}, "transient": {}}),
            );
        }
    }

    fn live_display(&self, state: &mut State, body: &str) {
        let Ok(mut request) = serde_json::from_str::<Value>(body) else { return };
        let id = request["display_id"].as_str().unwrap_or_default().to_owned();
        let (data, transient) = (request["data"].take(), json!({"display_id": id}));
        let content = json!({"data": data, "metadata": {}, "transient": transient});
        match request["op"].as_str() {
            Some("display") => {
                state.displays.show(&id, Instant::now());
                self.send(state, "display_data", content);
            }
            Some("update") => {
                if let Some(content) = state.displays.update(&id, content, Instant::now()) {
                    self.send(state, "update_display_data", content);
                }
            }
            Some("clear") => {
                self.publish_rest(state);
                let wait = request["wait"].as_bool().unwrap_or(false);
                self.send(state, "clear_output", json!({"wait": wait}));
            }
            _ => {}
        }
    }

    /// Waits when iopub is behind, and with it the cell that prints too fast.
    fn send(&self, state: &State, kind: &str, content: Value) {
        if let Some(cell) = state.cell.as_ref().filter(|cell| !cell.silent) {
            let _ = self.iopub.blocking_send(self.session.message(kind, &cell.parent, content));
        }
    }
}

pub(super) fn relock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
