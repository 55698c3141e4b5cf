//! What came of a cell that was compiled.

use evcxr::Error;

use crate::evaluator::engine::Engine;
use crate::evaluator::errors::Failure;
use crate::evaluator::notebook::Change;
use crate::output::{Outcome, Returned};

/// A cell that has run, for better or worse.
pub(super) struct CellRun<'a> {
    pub code: &'a str,
    pub change: &'a Change,
    pub count: i64,
    /// The variables before it, with their types.
    pub before: Vec<(String, String)>,
    pub outcome: &'a Outcome,
    /// Whether the process of the cells ended.
    pub ended: bool,
}

impl Engine {
    /// What came of a cell that was compiled.
    pub(super) fn finish(
        &mut self,
        result: Result<(), Error>,
        ran: &CellRun<'_>,
    ) -> Option<Failure> {
        let (change, outcome, ended) = (ran.change, ran.outcome, ran.ended);
        // The kernel's own code comes next.
        let asked = self.outputs.interrupts.take();
        if result.is_ok() {
            self.notebook.apply(change);
        }
        let failure = self.failure(&result, ran, asked);
        if ended {
            self.prepare_process();
        }
        if let Some(returned) = &outcome.returned {
            self.keep_what_was_returned(returned, change);
        }
        // A cell of definitions alone does not look at the variables: nothing shall read them as
        // what they are no longer.
        let mut dropped = outcome.dropped.clone();
        if result.is_ok() && !change.has_statements && !change.dropped.is_empty() {
            dropped.extend(self.run_hidden("();").dropped);
        }
        dropped.sort();
        dropped.dedup();
        self.note(ran, &dropped, failure.as_ref());
        failure
    }

    /// Why the cell has failed, if it has; `asked` says whether it was asked to stop.
    fn failure(
        &self,
        result: &Result<(), Error>,
        ran: &CellRun<'_>,
        asked: bool,
    ) -> Option<Failure> {
        let (outcome, ended) = (ran.outcome, ran.ended);
        match result {
            Err(_) if asked && !ended => {
                Some(Failure::interrupted("stopped while it was compiled; all variables are kept"))
            }
            Err(_) if asked => Some(Failure::interrupted(
                "the cell did not answer and was ended: all variables are lost, functions, types and \
                 crates are still there",
            )),
            Err(Error::SubprocessTerminated(message)) => {
                Some(Failure::ended(message, outcome.last_panic.as_ref(), &self.notebook.sources()))
            }
            Err(error) => Some(Failure::evcxr(error)),
            Ok(()) if asked => Some(Failure::interrupted(
                outcome
                    .error
                    .as_ref()
                    .map(|error| error.text.trim())
                    .filter(|text| !text.is_empty())
                    .unwrap_or("stopped on request; all variables are kept"),
            )),
            Ok(()) => match (&outcome.panic, &outcome.error) {
                (Some(panic), _) => Some(Failure::panic(panic, &self.notebook.sources())),
                (None, Some(error)) => {
                    Some(Failure::question_mark(error, &self.notebook.sources()))
                }
                (None, None) => None,
            },
        }
    }

    /// Binds what a cell has stored before its `return`, and names what it has not.
    fn keep_what_was_returned(&mut self, returned: &Returned, change: &Change) {
        self.keep(&returned.kept, change);
        let lost: Vec<&str> = change
            .bound
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !returned.kept.iter().any(|kept| kept == name))
            .collect();
        if !lost.is_empty() {
            let line = returned.line;
            self.say(
                &format!("ended by `return` in line {line}; not bound: {}", lost.join(", ")),
                "stderr",
            );
        }
    }
}
