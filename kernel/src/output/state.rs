//! What is known of the running cell and of the process that runs it.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::{Map, Value};

use super::cell::{Cell, FailedTry, Outcome, Returned};
use super::displays::Displays;
use crate::child::panics::Panic;

/// Text that waits for more.
pub(super) struct Held {
    /// `stdout` or `stderr`.
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) since: Instant,
}

/// See [`Outputs`](super::Outputs).
#[derive(Default)]
pub(super) struct State {
    pub(super) cell: Option<Cell>,
    pub(super) held: Option<Held>,
    pub(super) bundle: Map<String, Value>,
    /// What its forms have in common; after it another thing begins.
    pub(super) bundle_metadata: Map<String, Value>,
    /// Whether what was shown last is the value of the cell.
    pub(super) shows_value: bool,
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
    /// Streams that came to their end, ever.
    pub(super) streams_ended: usize,
    /// Processes that have connected, ever.
    pub(super) processes: u64,
    /// That of the process of this number.
    pub(super) relay: Option<(u64, UnixStream)>,
    pub(super) input: Option<UnixStream>,
    /// Bytes of input that the present process was given.
    pub(super) given: u64,
}

impl State {
    /// Another cell begins, in the same process.
    pub(super) fn begin(&mut self, cell: Cell) {
        *self = Self {
            cell: Some(cell),
            processes: self.processes,
            relay: self.relay.take(),
            input: self.input.take(),
            given: self.given,
            tokens: self.tokens,
            streams_ended: self.streams_ended,
            output_ends: self.output_ends,
            error_ends: self.error_ends,
            ..Self::default()
        };
    }

    /// The number of the process that has the relay; 0 before there is one.
    pub(super) fn relayed(&self) -> u64 {
        self.relay.as_ref().map_or(0, |(number, _)| *number)
    }

    /// What the cell did.
    pub(super) fn outcome(&mut self) -> Outcome {
        let place = self.error_place.take();
        let text = std::mem::take(&mut self.error_text);
        let last_panic = self.panic.take();
        let has_panicked = std::mem::take(&mut self.panicked);
        let has_failed = std::mem::take(&mut self.failed);
        Outcome {
            panic: has_panicked.then(|| last_panic.clone().unwrap_or_default()),
            last_panic,
            error: has_failed.then_some(FailedTry { text, place }),
            returned: self.returned.take(),
            dropped: std::mem::take(&mut self.dropped),
            crates: 0,
            started: self.started,
            measures: self.measures.take(),
        }
    }

    /// Takes text that waits, if it is of `name`.
    pub(super) fn take_held(&mut self, name: &str) -> Option<String> {
        self.held.take_if(|held| held.name == name).map(|held| held.text)
    }
}
