//! A cell: the commands before its code, the code, the commands after it.

use std::time::Instant;

use crate::child::runtime::CANNOT_LOAD;
use crate::evaluator::engine::Engine;
use crate::evaluator::errors::Failure;
use crate::evaluator::job::{CellRequest, CellResult};
use crate::evaluator::{commands::only_asks, dependencies};
use crate::protocol::Timing;
use crate::source::commands::{self, Command};
use crate::source::parse::Parsed;

/// What is said of a cell that was interrupted in the queue.
const BEFORE: &str = "stopped before it began";

impl Engine {
    /// Runs a cell.
    pub(crate) fn execute(&mut self, request: &CellRequest) -> CellResult {
        let begin = Instant::now();
        if self.outputs.interrupts.is_asked() {
            return CellResult::failed(Failure::interrupted(BEFORE));
        }
        if let Err(failure) = self.ready() {
            return CellResult::failed(failure);
        }
        if self.lacks_crates {
            let _ = self.load_crates();
            if self.outputs.interrupts.is_asked() {
                return CellResult::failed(Failure::interrupted(BEFORE));
            }
        }
        self.outputs.begin(request.cell.clone());
        let mut started = None;
        let failure = self.run_parts(request, &mut started).err();
        if let Some(cargo) = &self.build.cargo
            && failure.as_ref().is_some_and(|it: &Failure| it.evalue.starts_with(CANNOT_LOAD))
        {
            cargo.link_alone();
        }
        self.outputs.end_build();
        let quits = std::mem::take(&mut self.quits);
        CellResult { failure, timing: self.timing(begin, started), quits }
    }

    /// Does what the cell says, up to the first failure; `started` is when its code began to run.
    fn run_parts(
        &mut self,
        request: &CellRequest,
        started: &mut Option<Instant>,
    ) -> Result<(), Failure> {
        let (commands, code) = commands::split(&request.code);
        let (late, early): (Vec<Command>, Vec<Command>) =
            commands.into_iter().partition(|command| command.after_code && only_asks(command));
        let early = self.with_known_versions(early).and_then(|early| self.answer(&early, request));
        if let Err(failure) = early {
            self.notebook.failed.note(&code, request.cell.execution_count, request.id.as_deref());
            return Err(failure);
        }
        let has_code = !Parsed::new(&code).statements.is_empty();
        if has_code {
            let run = self.run(&code, request);
            *started = run.started;
            run.failure.map_or(Ok(()), Err)?;
        }
        self.answer(&late, request)
    }

    /// Commands with the crates that they add as evcxr shall see them.
    fn with_known_versions(&self, commands: Vec<Command>) -> Result<Vec<Command>, Failure> {
        // A line each.
        let text: Vec<&str> = commands.iter().map(|command| command.text.as_str()).collect();
        let prepared = dependencies::prepared(&self.folder(), &text.join("\n"));
        let prepared = prepared.map_err(|failure| match self.outputs.interrupts.is_asked() {
            true => Failure::interrupted(
                "stopped while its crates were looked for; all variables are kept",
            ),
            false => failure,
        })?;
        let lines = commands.into_iter().zip(prepared.lines());
        Ok(lines.map(|(command, text)| Command { text: text.to_owned(), ..command }).collect())
    }

    fn answer(&mut self, commands: &[Command], request: &CellRequest) -> Result<(), Failure> {
        commands.iter().try_for_each(|command| self.command(command, request))
    }

    /// How long a cell took to compile and to run; told to the user who wants to know.
    fn timing(&self, begin: Instant, started: Option<Instant>) -> Timing {
        let finished = Instant::now();
        let run_begin = started.unwrap_or(finished);
        let compile_seconds = run_begin.duration_since(begin).as_secs_f64();
        let run_seconds = finished.duration_since(run_begin).as_secs_f64();
        if self.settings.timing && started.is_some() {
            self.say(
                &format!("compiled in {compile_seconds:.2} s, ran in {run_seconds:.2} s"),
                "stdout",
            );
        }
        Timing { compile_seconds, run_seconds }
    }
}
