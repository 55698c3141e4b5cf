//! Between what cells print and iopub: for which cell, and what has to wait.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::build_progress::BuildProgress;
use super::cell::{Cell, Outcome, Question};
use super::state::State;
use crate::child::interrupt::Interrupts;
use crate::protocol::{Content, Message, Session};
use crate::source::SharedSources;

/// Text waits this long for more, so that a loop of small prints makes few messages.
pub(super) const HOLD: Duration = Duration::from_millis(20);
/// ... unless this much has come together.
pub(super) const HELD_BYTES: usize = 64 * 1024;
/// How long one output of a process, from which nothing comes, is waited for at the end of a cell.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shared by the threads that read the outputs and the engine.
pub(crate) struct Outputs {
    pub(super) session: Session,
    pub(super) iopub: mpsc::Sender<Message>,
    pub(super) questions: mpsc::UnboundedSender<Question>,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    /// When the running cell began to run. By itself: who asks must not wait for slow subscribers.
    pub(super) started: Mutex<Option<Instant>>,
    pub(super) build: Mutex<BuildProgress>,
    pub(super) sources: SharedSources,
    pub(crate) interrupts: Interrupts,
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
            interrupts: Interrupts::default(),
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
        state.begin(cell);
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
        state.outcome()
    }

    /// When the running cell began to run; `None` while it is compiled.
    pub(crate) fn started(&self) -> Option<Instant> {
        *relock(&self.started)
    }

    /// Whether the user waits for a cell.
    pub(crate) fn is_busy(&self) -> bool {
        relock(&self.build).cell.is_some()
    }

    /// The cell that the user waits for, from its request to its reply.
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
    pub(super) fn tell(&self, cell: Option<&Cell>, content: Option<Content>) {
        if let (Some(cell), Some(content)) = (cell, content) {
            let _ = self.iopub.blocking_send(self.session.message(&cell.parent, &content));
        }
    }

    /// Waits until everything that a process which has ended had written is published; it is the
    /// one after which `streams`, ever, have ended.
    pub(crate) fn wait_for_streams(&self, streams: usize) {
        let mut state = self.wait_while(self.lock(), |state| state.streams_ended < streams);
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
    pub(crate) fn streams_ended(&self) -> usize {
        self.lock().streams_ended
    }

    /// Publishes a message that belongs to the present cell.
    pub(crate) fn publish(&self, content: Content) {
        let mut state = self.lock();
        self.publish_held(&mut state, None);
        self.send(&state, content);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        relock(&self.state)
    }
}

pub(super) fn relock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
