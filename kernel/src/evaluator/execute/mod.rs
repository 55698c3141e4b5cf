//! A cell from its text to its end: commands, compilation in as many tries as it needs
//! ([`make_way`]), errors in the words that fit a notebook ([`explain`]), and what the cell leaves behind
//! ([`aftermath`]).

mod aftermath;
mod explain;
mod make_way;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use evcxr::Error;
use serde_json::json;

use crate::build::cargo::{self, Diagnostics};
use crate::child::interrupt;
use crate::evaluator::engine::{Done, Engine, process_id};
use crate::evaluator::errors::Failure;
use crate::evaluator::errors::diagnostic::{self as compile_error, Diagnostic};
use crate::evaluator::notebook::{Attempt, Change};
use crate::evaluator::{commands as answers, dependencies};
use crate::output::{Cell, Outcome};
use crate::source::commands::{self, Command};
use crate::source::parse::Parsed;

/// Tries to compile a cell: one for each thing that may have to make way.
const TRIES: usize = 8;

/// A user's cell on its way.
pub(crate) struct Request {
    pub code: String,
    /// Jupyter's name of the cell, if the client tells it.
    pub id: Option<String>,
    pub cell: Cell,
}

/// A cell that has run, for better or worse.
pub(crate) struct Ran<'a> {
    pub code: &'a str,
    pub change: &'a Change,
    pub count: i64,
    /// The variables before it, with their types.
    pub before: Vec<(String, String)>,
    pub outcome: &'a Outcome,
    /// Whether the process of the cells ended.
    pub ended: bool,
}

/// How a piece of code ended.
struct Run {
    failure: Option<Failure>,
    started: Option<Instant>,
}

impl Engine {
    /// Runs a cell.
    pub(crate) fn execute(&mut self, request: &Request) -> Done {
        let begin = Instant::now();
        if interrupt::is_asked() {
            return Done::failed(Failure::interrupted("stopped before it began"));
        }
        if let Err(failure) = self.ready() {
            return Done::failed(failure);
        }
        self.outputs.begin(request.cell.clone());
        let (commands, code) = commands::split(&request.code);
        let (late, early): (Vec<Command>, Vec<Command>) = commands
            .into_iter()
            .partition(|command| command.after_code && answers::only_asks(command));
        let mut run = Run { failure: None, started: None };
        // A line each.
        let text: Vec<&str> = early.iter().map(|command| command.text.as_str()).collect();
        let prepared = dependencies::prepared(&self.folder(), &text.join("\n"));
        let prepared = prepared.unwrap_or_else(|failure| {
            run.failure = Some(if interrupt::is_asked() {
                Failure::interrupted(
                    "stopped while its crates were looked for; all variables are kept",
                )
            } else {
                failure
            });
            String::new()
        });
        for (command, text) in early.into_iter().zip(prepared.lines()) {
            let command = Command { text: text.to_owned(), ..command };
            if run.failure.is_none() {
                run.failure = self.command(&command, request).err();
            }
        }
        let has_code = !Parsed::new(&code).statements.is_empty();
        if run.failure.is_none() && has_code {
            run = self.run(&code, request);
        }
        for command in late {
            if run.failure.is_none() {
                run.failure = self.command(&command, request).err();
            }
        }
        self.outputs.end_build();
        interrupt::clear();
        let finished = Instant::now();
        let started = run.started.unwrap_or(finished);
        let compile_seconds = started.duration_since(begin).as_secs_f64();
        let run_seconds = finished.duration_since(started).as_secs_f64();
        if self.settings.timing && run.started.is_some() {
            self.say(
                &format!("compiled in {compile_seconds:.2} s, ran in {run_seconds:.2} s"),
                "stdout",
            );
        }
        Done { failure: run.failure, compile_seconds, run_seconds }
    }

    /// Publishes a line of the kernel's own.
    pub(crate) fn say(&self, line: &str, stream: &str) {
        self.outputs.publish("stream", json!({"name": stream, "text": format!("{line}\n")}));
    }

    /// Compiles and runs code; where something in the way can be moved, again.
    fn run(&mut self, code: &str, request: &Request) -> Run {
        let failed = |failure| Run { failure: Some(failure), started: None };
        let count = request.cell.execution_count;
        let (mut attempt, mut set_aside) = (Attempt::default(), BTreeMap::new());
        let mut first: Option<Failure> = None;
        self.read_crates();
        for _ in 0..TRIES {
            let before = self.variables();
            let change =
                self.notebook.propose(code, count, request.id.as_deref(), &attempt, &before);
            let change = match change {
                Ok(change) => change,
                Err(failure) => return failed(first.unwrap_or(failure)),
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
                && !interrupt::is_asked()
            {
                let all =
                    compile_error::read(&Diagnostics::last(&folder), &self.notebook.sources());
                let errors: Vec<&Diagnostic> = all.iter().filter(|it| it.is_error()).collect();
                if !is_compiled
                    && self.move_away(&errors, &change, code, &mut attempt, &mut set_aside)
                {
                    first.get_or_insert_with(|| self.explain(error, &all, &change, code));
                    continue;
                }
                let failure = first.unwrap_or_else(|| self.explain(error, &all, &change, code));
                self.note_not_bound(&change, count, "the cell did not compile");
                self.note_dropped(&change, count, &outcome.dropped);
                return failed(failure);
            }
            let started = outcome.started;
            let ran = Ran { code, change: &change, count, before, outcome: &outcome, ended };
            let failure = self.finish(result, &ran);
            if is_compiled {
                self.notebook.set_aside(&set_aside);
                for (name, cell) in &set_aside {
                    self.say(
                        &format!(
                            "`{name}` (cell {cell}) does not fit what this cell has changed and was set aside: \
                             run cell {cell} again, changed if need be"
                        ),
                        "stderr",
                    );
                }
            }
            return Run { failure, started };
        }
        failed(
            first.unwrap_or_else(|| Failure::new("CompileError", "the cell does not compile", &[])),
        )
    }

    /// Gives evcxr code and waits for its end. Says also whether the process of the cells has ended.
    pub(crate) fn evaluate(&mut self, text: &str) -> (Result<(), Error>, Outcome, bool) {
        let readers = self.outputs.readers_ended();
        let result = match &mut self.context {
            Some(context) => context.execute(text).map(drop),
            None => Err(Error::from("evcxr is not ready")),
        };
        let crates = self.outputs.end_build();
        let ended = matches!(result, Err(Error::SubprocessTerminated(_)));
        if ended {
            self.outputs.wait_for_readers(readers + 2);
        }
        (result, Outcome { crates, ..self.outputs.finish() }, ended)
    }

    /// What came of a cell that was compiled.
    fn finish(&mut self, result: Result<(), Error>, ran: &Ran<'_>) -> Option<Failure> {
        let (change, outcome, ended) = (ran.change, ran.outcome, ran.ended);
        let asked = interrupt::is_asked();
        // The kernel's own code comes next.
        interrupt::clear();
        if result.is_ok() {
            self.notebook.apply(change);
        }
        let failure = match &result {
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
        };
        if ended {
            self.prepare_process();
        }
        if let Some(returned) = &outcome.returned {
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
        // A cell of definitions alone does not look at the variables: nothing shall read them as
        // what they are no longer.
        let mut dropped = outcome.dropped.clone();
        if result.is_ok() && !change.has_statements && !change.dropped.is_empty() {
            dropped.extend(self.hidden("();").dropped);
        }
        dropped.sort();
        dropped.dedup();
        self.note(ran, &dropped, failure.as_ref());
        failure
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
        if compiles {
            let dropped = self.hidden("();").dropped;
            self.note_dropped(change, count, &dropped);
            let left = self.variables();
            self.notebook.hold(&left);
        }
        compiles
    }

    /// Tells the compilation which variables are to be dropped.
    fn write_dropped(&self, change: &Change) {
        let dropped = cargo::Dropped {
            variables: change.dropped.keys().cloned().collect(),
            by_crate: self.notebook.variables_by_crate(),
        };
        if let Err(error) = dropped.write(&self.folder()) {
            eprintln!("the variables to be dropped are not told: {error:#}");
        }
    }

    /// Reads which crates the last cell was compiled with.
    pub(crate) fn read_crates(&mut self) {
        self.notebook.set_crates(cargo::crates(&self.folder()));
    }

    pub(crate) fn folder(&self) -> PathBuf {
        match &self.slot {
            Ok(Some(slot)) => slot.folder.clone(),
            _ => PathBuf::from("."),
        }
    }

    /// A new process of the cells gets the kernel's own code.
    pub(crate) fn prepare_process(&mut self) {
        let code = crate::evaluator::engine::prelude::all(&self.settings.shown);
        self.hidden(&code);
    }

    /// The variables that evcxr holds, with their types, sorted by name.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.context.as_ref().map(answers::variables).unwrap_or_default()
    }

    /// The number of the process that runs the cells.
    pub(crate) fn process(&self) -> Option<u32> {
        self.context.as_ref().map(process_id)
    }
}
