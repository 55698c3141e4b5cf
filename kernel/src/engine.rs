//! The thread that owns evcxr: it compiles and runs one cell after the other.

use std::os::unix::net::UnixListener;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evcxr::{CommandContext, Error, EvalContext};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::cargo::StandIn;
use crate::output::{Cell, Outputs};
use crate::report::Failure;
use crate::slot::Slot;
use crate::std_source::StdSource;
use crate::{commands, completion, info, inspection, interrupt, runtime};

/// A crate that is loaded before the first cell asks for it, as in `:dep`.
const PREWARM: &str = "TWOVIEWS_PREWARM";
/// A reader who waits so long is reading: time to make rust-analyzer load the crates.
const PAUSE: Duration = Duration::from_secs(3);

/// What the engine is asked.
pub(crate) enum Job {
    Execute { code: String, cell: Cell, reply: oneshot::Sender<Done> },
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
) -> Sender<Job> {
    let (jobs, inbox) = channel();
    std::thread::spawn(move || {
        let mut engine = Engine { context: None, outputs, slot, replaced, process };
        if let Err(error) = engine.ready() {
            eprintln!("evcxr is not ready: {}", error.evalue);
        }
        engine.serve(&inbox);
    });
    jobs
}

struct Engine {
    context: Option<CommandContext>,
    outputs: Arc<Outputs>,
    /// The build folder, or why there is none.
    slot: anyhow::Result<Option<Slot>>,
    replaced: Replaced,
    process: Process,
}

impl Done {
    /// A cell that did not get as far as being compiled.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), compile_seconds: 0.0, run_seconds: 0.0 }
    }
}

impl Engine {
    fn serve(&mut self, inbox: &Receiver<Job>) {
        let mut warm = prewarming();
        loop {
            // While nobody asks for anything, the next thing that a notebook will need.
            let job = match warm.last() {
                Some((pause, _)) => inbox.recv_timeout(*pause),
                None => inbox.recv().map_err(RecvTimeoutError::from),
            };
            let job = match job {
                Ok(job) => job,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some((_, step)) = warm.pop()
                        && self.hidden(&step) > 0
                        && let Ok(Some(slot)) = &self.slot
                    {
                        slot.stamp();
                    }
                    continue;
                }
            };
            match job {
                Job::Execute { code, cell, reply } => {
                    let _ = reply.send(self.execute(&code, cell));
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
    fn ready(&mut self) -> Result<&mut CommandContext, Failure> {
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
            if let Some(slot) = slot {
                slot.pin_versions().map_err(|error| failed(format!("{error:#}")))?;
            }
            *self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(context.process_handle());
            let level = context.state().opt_level().to_owned();
            self.context = Some(CommandContext::with_eval_context(context));
            self.hidden(runtime::PRELUDE);
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

    /// Runs code that the reader does not see; returns how many crates were compiled for it.
    fn hidden(&mut self, code: &str) -> usize {
        let cell = Cell {
            parent: Value::Null,
            silent: true,
            ends_in_expression: false,
            execution_count: 0,
        };
        self.outputs.begin(cell);
        if let Some(context) = &mut self.context
            && let Err(error) = context.execute(code)
        {
            eprintln!("in the kernel's own cell: {error}");
        }
        self.outputs.finish();
        self.outputs.end_build()
    }

    fn execute(&mut self, code: &str, cell: Cell) -> Done {
        let begin = Instant::now();
        let count = cell.execution_count;
        if interrupt::is_asked() {
            return Done::failed(Failure::interrupted("stopped before it began"));
        }
        if let Err(failure) = self.ready() {
            return Done::failed(failure);
        }
        let outputs = Arc::clone(&self.outputs);
        let readers = outputs.readers_ended();
        outputs.begin(cell);
        let context = match self.ready() {
            Ok(context) => context,
            Err(failure) => return Done::failed(failure),
        };
        let process = process_id(context);
        let variables = commands::variables(context);
        let result = match code.trim() {
            ":vars" => context.execute(&commands::measure(&variables)),
            _ => context.execute(code),
        };
        outputs.end_build();
        let ended = matches!(result, Err(Error::SubprocessTerminated(_)));
        if ended {
            outputs.wait_for_readers(readers + 2);
        }
        if let Ok(shown) = &result
            && !shown.content_by_mime_type.is_empty()
        {
            // The answer of a command such as :vars.
            let data = match code.trim() {
                ":help" => commands::help(shown.get("text/plain").unwrap_or_default()),
                _ => json!(shown.content_by_mime_type),
            };
            outputs.publish("display_data", json!({"data": data, "metadata": {}, "transient": {}}));
        }
        let timed = result.as_ref().is_ok_and(|shown| shown.timing.is_some());
        let outcome = outputs.finish();
        if let Some(measures) = &outcome.measures {
            let data = commands::table(&variables, measures);
            outputs.publish("display_data", json!({"data": data, "metadata": {}, "transient": {}}));
        }
        let finished = Instant::now();
        let source = context.last_source().unwrap_or_default();
        let asked = interrupt::is_asked();
        interrupt::clear();
        let failure = match result {
            Err(_) if asked && !ended => {
                Some(Failure::interrupted("stopped while it was compiled; all variables are kept"))
            }
            Err(_) if asked => Some(Failure::interrupted(
                "the cell did not answer and was ended: all variables are lost, functions, types and \
                 crates are still there",
            )),
            Err(error) => Some(Failure::evcxr(&error, code, count)),
            Ok(_) if asked => Some(Failure::interrupted(
                outcome
                    .error
                    .as_deref()
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
                    .unwrap_or("stopped on request; all variables are kept"),
            )),
            Ok(_) => match (&outcome.panic, &outcome.error) {
                (Some(frame), _) => Some(Failure::panic(frame, code, &source)),
                (None, Some(text)) => Some(Failure::question_mark(text)),
                (None, None) => None,
            },
        };
        // It crashed or was ended, or `:clear` or `:restart` began a new one.
        if process_id(context) != process {
            self.hidden(runtime::PRELUDE);
        }
        if [":fmt", ":types"].iter().any(|command| code.trim_start().starts_with(command)) {
            // How values are shown is the reader's choice now.
            self.hidden(runtime::SHOW_NOTHING);
        }
        let started = outcome.started.unwrap_or(finished);
        let compile_seconds = started.duration_since(begin).as_secs_f64();
        let run_seconds = finished.duration_since(started).as_secs_f64();
        if timed && outcome.started.is_some() {
            let text = format!("compiled in {compile_seconds:.2} s, ran in {run_seconds:.2} s\n");
            outputs.publish("stream", json!({"name": "stdout", "text": text}));
        }
        Done { failure, compile_seconds, run_seconds }
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
fn process_id(context: &CommandContext) -> u32 {
    context.process_handle().lock().unwrap_or_else(std::sync::PoisonError::into_inner).id()
}

/// What to load before anyone asks, after how long a pause, the last step first.
fn prewarming() -> Vec<(Duration, String)> {
    let Some(dependency) = std::env::var(PREWARM).ok().filter(|text| !text.is_empty()) else {
        return Vec::new();
    };
    // The variable makes rust-analyzer load the crates and look for traits; it is gone at the end of
    // the cell. Whoever runs all cells at once shall not wait for what only a pause can hide.
    let variable = "let twoviews_warm = [0u8].iter().map(|x| x + 1).collect::<Vec<u8>>();
drop(twoviews_warm);"
        .to_owned();
    vec![(PAUSE, variable), (Duration::ZERO, format!(":dep {dependency}"))]
}

/// Where the processes that run cells find the kernel.
pub(crate) fn listen(outputs: &Arc<Outputs>, path: &std::path::Path) -> std::io::Result<()> {
    outputs.listen(UnixListener::bind(path)?);
    Ok(())
}
