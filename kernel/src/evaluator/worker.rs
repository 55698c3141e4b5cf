//! The thread that owns evcxr: it does one job after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use twoviews_constants::variable::PREWARM;

use super::assist::{completion, inspection};
use super::engine::{Engine, Process};
use super::errors::Failure;
use super::job::{CellResult, Job};
use crate::build::BuildEnvironment;
use crate::memory;
use crate::output::Outputs;
use crate::protocol::{Completion, Inspection};
use crate::source::SharedSources;

/// A user who waits so long is reading: time to make rust-analyzer load the crates.
const PAUSE: Duration = Duration::from_secs(3);

/// After so long without a job memory that is free goes back to the system.
const REST: Duration = Duration::from_secs(5);

/// Within it the threads that drop what rust-analyzer has parted with are through.
const MOMENT: Duration = Duration::from_secs(1);

/// A name that nobody has given anything.
const UNKNOWN: &str = "__twoviews_unknown";

/// What was done since the last job.
#[derive(Clone, Copy, PartialEq)]
enum Idle {
    /// Nothing, and rust-analyzer has not loaded the crates.
    Cold,
    Awake,
    /// rust-analyzer has parted with what it does not need.
    Parted,
    AtRest,
}

/// Makes rust-analyzer load the crates and look for traits; the variable is gone at the end of the cell.
/// Whoever runs all cells at once shall not wait for what only a pause can hide.
const WARMING: &str = "let __twoviews_warm = [0u8].iter().map(|x| x + 1).collect::<Vec<u8>>();
drop(__twoviews_warm);";

/// Compiles the crates that every notebook needs, without a notebook.
pub(crate) fn compile_crates(outputs: Arc<Outputs>, build: BuildEnvironment) -> Result<(), String> {
    let mut engine = Engine::new(outputs, build, Process::default(), SharedSources::default());
    engine.ready().map_err(|failure| failure.evalue)?;
    engine.load_crates().map_err(|error| error.to_string())?;
    // With a cell that uses them all they become one library.
    let crates = std::env::var(PREWARM).unwrap_or_default();
    let names =
        crates.lines().filter_map(|line| Some(line.split_once('=')?.0.trim().replace('-', "_")));
    let uses: String = names.map(|name| format!("use {name} as _; ")).collect();
    let _ = engine.run_silently(&format!("{{ {uses}}}"));
    Ok(())
}

/// Starts the thread; evcxr gets ready in the background.
pub(crate) fn start(
    outputs: Arc<Outputs>,
    build: BuildEnvironment,
    process: Process,
    sources: SharedSources,
) -> Sender<Job> {
    let (jobs, inbox) = channel();
    std::thread::spawn(move || {
        let mut engine = Engine::new(outputs, build, process, sources);
        if let Err(error) = engine.ready() {
            eprintln!("evcxr is not ready: {}", error.evalue);
        }
        if let Err(error) = engine.load_crates() {
            eprintln!("the crates of {PREWARM} are not loaded: {error}");
        }
        engine.serve(&inbox);
    });
    jobs
}

impl Engine {
    /// Loads the crates that every notebook here needs, before any cell: whoever runs cells at once
    /// shall not have them compiled without.
    pub(crate) fn load_crates(&mut self) -> Result<(), evcxr::Error> {
        let crates = std::env::var(PREWARM).unwrap_or_default();
        let lines = crates.lines().map(str::trim).filter(|line| !line.is_empty());
        let cell: Vec<String> = lines.map(|line| format!(":dep {line}")).collect();
        if cell.is_empty() || self.context.is_none() {
            return Ok(());
        }
        let (result, outcome, _) = self.run_silently(&cell.join("\n"));
        // They may take minutes, and whoever does not want to wait wants them later all the same.
        self.lacks_crates = result.is_err() && self.outputs.interrupts.is_asked();
        if outcome.crates > 0
            && let Ok(directory) = &self.build.directory
        {
            directory.stamp();
        }
        result
    }

    fn serve(&mut self, inbox: &Receiver<Job>) {
        let is_cold = std::env::var_os(PREWARM).is_some_and(|text| !text.is_empty());
        let mut idle = if is_cold { Idle::Cold } else { Idle::Awake };
        loop {
            let job = match idle {
                Idle::Cold => inbox.recv_timeout(PAUSE),
                Idle::Awake => inbox.recv_timeout(REST),
                Idle::Parted => inbox.recv_timeout(MOMENT),
                Idle::AtRest => inbox.recv().map_err(RecvTimeoutError::from),
            };
            // While nobody asks for anything: the next thing that a notebook will need, then nothing more.
            let job = match job {
                Ok(job) => job,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    idle = self.go_idle(idle);
                    continue;
                }
            };
            if idle != Idle::Cold {
                idle = Idle::Awake;
            }
            match job {
                Job::Execute { request, reply } => {
                    let run = AssertUnwindSafe(|| self.execute(&request));
                    let result = catch_unwind(run).unwrap_or_else(|_| {
                        self.outputs.end_build();
                        let what = "the kernel itself has failed in this cell; variables are kept, and what it \
                                    says of the cause stands in the log of the server";
                        CellResult::failed(Failure::new("KernelError", what, &[]))
                    });
                    let _ = reply.send(result);
                }
                Job::Complete { code, cursor, reply } => {
                    let _ = reply.send(self.completions(&code, cursor));
                }
                Job::Inspect { code, cursor, reply } => {
                    let _ = reply.send(self.inspection(&code, cursor));
                }
            }
        }
    }

    /// Does what comes after `idle`.
    fn go_idle(&mut self, idle: Idle) -> Idle {
        match idle {
            Idle::Cold => {
                let warm = AssertUnwindSafe(|| drop(self.run_hidden(WARMING)));
                let _ = catch_unwind(warm);
                self.is_warm = true;
                Idle::Awake
            }
            // rust-analyzer parts with the trees that it has not used lately when its text changes; without any
            // it would only now begin to read.
            Idle::Awake if self.is_warm || !self.variables().is_empty() => {
                let look = AssertUnwindSafe(|| drop(self.inspection(UNKNOWN, UNKNOWN.len())));
                let _ = catch_unwind(look);
                Idle::Parted
            }
            _ => {
                memory::give_back();
                Idle::AtRest
            }
        }
    }

    /// What the word at a cursor may become.
    fn completions(&mut self, code: &str, cursor: usize) -> Completion {
        match self.ready() {
            Ok(context) => completion::of(context, code, cursor),
            Err(_) => Completion::none(cursor),
        }
    }

    /// What the word at a cursor means.
    fn inspection(&mut self, code: &str, cursor: usize) -> Inspection {
        match self.ready() {
            Ok(context) => inspection::of(context, code, cursor),
            Err(_) => Inspection::default(),
        }
    }
}
