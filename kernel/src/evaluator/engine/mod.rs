//! The thread that owns evcxr: it compiles and runs one cell after the other.

pub(crate) mod prelude;

use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evcxr::{CommandContext, Error, EvalContext};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::build::cargo::StandIn;
use crate::build::directory::Slot;
use crate::build::std_source::StdSource;
use crate::evaluator::assist::{completion, inspection};
use crate::evaluator::engine::prelude::Shown;
use crate::evaluator::errors::Failure;
use crate::evaluator::execute::Request;
use crate::evaluator::notebook::Notebook;
use crate::output::{Cell, Outcome, Outputs};
use crate::server::info;
use crate::source::SharedSources;

/// A crate that is loaded before the first cell asks for it, as in `:dep`.
const PREWARM: &str = "TWOVIEWS_PREWARM";
/// A reader who waits so long is reading: time to make rust-analyzer load the crates.
const PAUSE: Duration = Duration::from_secs(3);

/// Makes rust-analyzer load the crates and look for traits; the variable is gone at the end of the cell.
/// Whoever runs all cells at once shall not wait for what only a pause can hide.
const WARMING: &str = "let __twoviews_warm = [0u8].iter().map(|x| x + 1).collect::<Vec<u8>>();
drop(__twoviews_warm);";

/// What the engine is asked.
pub(crate) enum Job {
    Execute { request: Request, reply: oneshot::Sender<Done> },
    Complete { code: String, cursor: usize, reply: oneshot::Sender<Value> },
    Inspect { code: String, cursor: usize, reply: oneshot::Sender<Value> },
}

/// How a cell ended.
pub(crate) struct Done {
    pub failure: Option<Failure>,
    pub compile_seconds: f64,
    pub run_seconds: f64,
}

/// What evcxr finds in place of what is there; each part is missing where it could not be made.
pub(crate) struct Replaced {
    /// Hidden until the kernel's own cells have run.
    pub std_source: Option<StdSource>,
    pub cargo: Option<StandIn>,
}

/// The process that runs the cells, once there is one; a restarted one takes its place.
pub(crate) type Process = Arc<Mutex<Option<Arc<Mutex<Child>>>>>;

/// Starts the thread; evcxr gets ready in the background.
pub(crate) fn start(
    outputs: Arc<Outputs>,
    slot: anyhow::Result<Option<Slot>>,
    replaced: Replaced,
    process: Process,
    sources: SharedSources,
) -> Sender<Job> {
    let (jobs, inbox) = channel();
    std::thread::spawn(move || {
        let notebook = Notebook::new(sources);
        let settings = Settings::default();
        let mut engine =
            Engine { context: None, outputs, slot, replaced, process, notebook, settings };
        if let Err(error) = engine.ready() {
            eprintln!("evcxr is not ready: {}", error.evalue);
        }
        engine.prewarm();
        engine.serve(&inbox);
    });
    jobs
}

/// What the user has chosen.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub timing: bool,
    pub shown: Shown,
    /// The level of optimisation of cells.
    pub level: Option<String>,
}

pub(crate) struct Engine {
    pub context: Option<CommandContext>,
    pub outputs: Arc<Outputs>,
    /// The build folder, or why there is none.
    pub slot: anyhow::Result<Option<Slot>>,
    replaced: Replaced,
    process: Process,
    pub notebook: Notebook,
    pub settings: Settings,
}

impl Done {
    /// A cell that did not get as far as being compiled.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), compile_seconds: 0.0, run_seconds: 0.0 }
    }
}

impl Engine {
    /// Loads the crates that every notebook here needs, before any cell: whoever runs cells at once
    /// shall not have them compiled without.
    fn prewarm(&mut self) {
        let dependency = std::env::var(PREWARM).ok().filter(|text| !text.is_empty());
        let Some(dependency) = dependency.filter(|_| self.context.is_some()) else { return };
        let outcome = self.hidden(&format!(":dep {dependency}"));
        if outcome.crates > 0
            && let Ok(Some(slot)) = &self.slot
        {
            slot.stamp();
        }
    }

    fn serve(&mut self, inbox: &Receiver<Job>) {
        let mut is_cold = std::env::var_os(PREWARM).is_some_and(|text| !text.is_empty());
        loop {
            // While nobody asks for anything, the next thing that a notebook will need.
            let job = if is_cold {
                inbox.recv_timeout(PAUSE)
            } else {
                inbox.recv().map_err(RecvTimeoutError::from)
            };
            let job = match job {
                Ok(job) => job,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    is_cold = false;
                    self.hidden(WARMING);
                    continue;
                }
            };
            match job {
                Job::Execute { request, reply } => {
                    let run = AssertUnwindSafe(|| self.execute(&request));
                    let done = catch_unwind(run).unwrap_or_else(|_| {
                        self.outputs.end_build();
                        let what = "the kernel itself has failed in this cell; variables are kept, and what it \
                                    says of the cause stands in the log of the server";
                        Done::failed(Failure::new("KernelError", what, &[]))
                    });
                    let _ = reply.send(done);
                }
                Job::Complete { code, cursor, reply } => {
                    let _ = reply.send(self.complete(&code, cursor));
                }
                Job::Inspect { code, cursor, reply } => {
                    let _ = reply.send(self.inspect(&code, cursor));
                }
            }
        }
    }

    /// evcxr, made ready if it is not.
    pub(crate) fn ready(&mut self) -> Result<&mut CommandContext, Failure> {
        if self.context.is_none() {
            let failed = |error: String| Failure::new("KernelError", error.trim(), &[]);
            let slot = self.slot.as_ref().map_err(|error| failed(format!("{error:#}")))?;
            if let Some(slot) = slot {
                slot.fill().map_err(|error| failed(format!("{error:#}")))?;
            }
            let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
            let mut program = Command::new(program);
            if let Some(cargo) = &self.replaced.cargo {
                cargo.hide_from(&mut program);
            }
            let (context, streams) = EvalContext::with_subprocess_command(program)
                .map_err(|error| failed(info::explained(&error.to_string())))?;
            // Cells print elsewhere; evcxr waits until these are empty.
            for stream in [streams.stdout, streams.stderr] {
                std::thread::spawn(move || stream.iter().for_each(drop));
            }
            *self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(context.process_handle());
            let level = context.state().opt_level().to_owned();
            self.context = Some(CommandContext::with_eval_context(context));
            self.prepare_process();
            self.show_std_source(&level).map_err(|error| failed(error.to_string()))?;
        }
        self.context.as_mut().ok_or_else(|| Failure::new("KernelError", "evcxr is not ready", &[]))
    }

    /// Lets rust-analyzer read the standard library's source with the next cell.
    fn show_std_source(&mut self, level: &str) -> Result<(), Error> {
        let Some(std_source) = self.replaced.std_source.take() else { return Ok(()) };
        std_source.show()?;
        let Some(context) = &mut self.context else { return Ok(()) };
        // It looks again when Cargo.toml has changed, and a space more after the level is a change.
        context.set_opt_level(&format!("{level} "))
    }

    /// Runs code that the user does not see; what comes then belongs to the user's cell again.
    pub(crate) fn hidden(&mut self, code: &str) -> Outcome {
        let cell = Cell { silent: true, ..Cell::default() };
        let before = self.outputs.present();
        self.outputs.begin(cell);
        let (result, outcome, _) = self.evaluate(code);
        if let Err(error) = result {
            eprintln!("in the kernel's own cell: {error}");
        }
        if let Some(cell) = before {
            self.outputs.begin(cell);
        }
        outcome
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Value {
        match self.ready() {
            Ok(context) => completion::reply(context, code, cursor),
            Err(_) => completion::nothing(cursor),
        }
    }

    fn inspect(&mut self, code: &str, cursor: usize) -> Value {
        match self.ready() {
            Ok(context) => inspection::reply(context, code, cursor),
            Err(_) => inspection::nothing(),
        }
    }
}

/// The process that runs the cells.
pub(crate) fn process_id(context: &CommandContext) -> u32 {
    context.process_handle().lock().unwrap_or_else(std::sync::PoisonError::into_inner).id()
}

/// Where the processes that run cells find the kernel.
pub(crate) fn listen(outputs: &Arc<Outputs>, path: &std::path::Path) -> std::io::Result<()> {
    outputs.listen(UnixListener::bind(path)?);
    Ok(())
}
