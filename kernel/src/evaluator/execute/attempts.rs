//! Compiling and running a cell's code, again where something can make way for it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::end::CellRun;
use crate::build::cargo::{Diagnostics, Dropped};
use crate::evaluator::engine::Engine;
use crate::evaluator::errors::Failure;
use crate::evaluator::errors::diagnostic::{self, Diagnostic};
use crate::evaluator::job::CellRequest;
use crate::evaluator::notebook::{Attempt, Change};

/// One for each thing that may have to make way.
const ATTEMPTS: usize = 8;

/// How a piece of code ended.
pub(super) struct RunResult {
    pub failure: Option<Failure>,
    pub started: Option<Instant>,
}

impl Engine {
    /// Compiles and runs code; where something in the way can be moved, again.
    pub(super) fn run(&mut self, code: &str, request: &CellRequest) -> RunResult {
        let failed = |failure| RunResult { failure: Some(failure), started: None };
        let count = request.cell.execution_count;
        let (mut attempt, mut set_aside) = (Attempt::default(), BTreeMap::new());
        let mut first: Option<Failure> = None;
        self.read_crates();
        for _ in 0..ATTEMPTS {
            if self.outputs.interrupts.is_asked() {
                return failed(Failure::interrupted(
                    "stopped before it was compiled; all variables are kept",
                ));
            }
            let before = self.variables();
            let change =
                self.notebook.propose(code, count, request.id.as_deref(), &attempt, &before);
            let change = match change {
                Ok(change) => change,
                Err(failure) => {
                    self.notebook.failed.note(code, count, request.id.as_deref());
                    return failed(first.unwrap_or(failure));
                }
            };
            self.write_dropped(&change);
            if self.rebinds_what_is_dropped(&change, count) {
                continue;
            }
            let folder = self.folder();
            Diagnostics::forget(&folder);
            let (result, outcome, ended) = self.evaluate(&change.text);
            let is_compiled = outcome.started.is_some();
            if let Err(error) = &result
                && !ended
                && !self.outputs.interrupts.is_asked()
            {
                let all = diagnostic::read(&Diagnostics::last(&folder), &self.notebook.sources());
                let errors: Vec<&Diagnostic> = all.iter().filter(|it| it.is_error()).collect();
                if !is_compiled
                    && self.move_away(&errors, &change, code, &mut attempt, &mut set_aside)
                {
                    first.get_or_insert_with(|| self.explain(error, &all, &change, code));
                    continue;
                }
                let failure = first.unwrap_or_else(|| self.explain(error, &all, &change, code));
                if !is_compiled {
                    self.say_outdated(code, &errors);
                    self.notebook.failed.note(code, count, request.id.as_deref());
                }
                self.note_not_bound(&change, count, "the cell did not compile");
                self.note_dropped(&change, count, &outcome.dropped);
                return failed(failure);
            }
            let started = outcome.started;
            let has_run = is_compiled && result.is_ok();
            let ran = CellRun { code, change: &change, count, before, outcome: &outcome, ended };
            let failure = self.finish(result, &ran);
            if is_compiled {
                self.say_outdated(code, &[]);
                self.notebook.settle(request.id.as_deref(), &change);
            }
            if has_run {
                self.notebook.set_aside(&set_aside);
                self.say_set_aside(&set_aside);
            }
            return RunResult { failure, started };
        }
        failed(
            first.unwrap_or_else(|| Failure::new("CompileError", "the cell does not compile", &[])),
        )
    }

    fn say_set_aside(&self, functions: &BTreeMap<String, i64>) {
        for (name, cell) in functions {
            self.say(
                &format!(
                    "`{name}` (cell {cell}) does not fit what this cell has changed and was set aside: \
                     run cell {cell} again, changed if need be"
                ),
                "stderr",
            );
        }
    }

    /// Says which definitions are older than the user may think; with errors, those of which they speak.
    fn say_outdated(&mut self, code: &str, errors: &[&Diagnostic]) {
        for (name, text) in self.notebook.outdated(code) {
            // Of a name that is unknown the error itself says which cell would define it.
            let is_unknown = |error: &Diagnostic| {
                error.named() == Some(&name) && error.message.starts_with("cannot find")
            };
            let is_meant = |error: &&Diagnostic| {
                !is_unknown(error) && (error.has_code(&["E0061"]) || error.mentions(&name))
            };
            if errors.is_empty() || errors.iter().any(is_meant) {
                self.say(&text, "stderr");
                self.notebook.failed.told(&name);
            }
        }
    }

    /// evcxr would forget a variable that is dropped and bound anew in one cell: such a one goes before
    /// the cell runs, if that compiles. Says whether anything went.
    fn rebinds_what_is_dropped(&mut self, change: &Change, count: i64) -> bool {
        let is_rebound = |name: &String| change.bound.iter().any(|(bound, _)| bound == name);
        if !change.dropped.keys().any(is_rebound) {
            return false;
        }
        let Some(context) = &mut self.context else { return false };
        let compiles = context.check(&change.text).is_ok_and(|errors| errors.is_empty());
        // A compiler that was ended has found no errors.
        let compiles = compiles && !self.outputs.interrupts.is_asked();
        if compiles {
            let dropped = self.run_hidden("();").dropped;
            self.note_dropped(change, count, &dropped);
            let left = self.variables();
            self.notebook.hold(&left);
        }
        compiles
    }

    /// Tells the compilation which variables are to be dropped.
    fn write_dropped(&self, change: &Change) {
        let dropped = Dropped {
            variables: change.dropped.keys().cloned().collect(),
            by_crate: self.notebook.variables_by_crate(),
        };
        if let Err(error) = dropped.write(&self.folder()) {
            eprintln!("the variables to be dropped are not told: {error:#}");
        }
    }
}
