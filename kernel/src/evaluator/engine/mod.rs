//! evcxr with what the kernel knows beside it: settings, the notebook, the process of the cells.

pub(crate) mod prelude;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use evcxr::{CommandContext, Error, EvalContext};

use self::prelude::ValueFormat;
use super::errors::Failure;
use super::notebook::Notebook;
use super::notebook::ledger::Event;
use crate::build::{BuildEnvironment, cargo, compilers};
use crate::output::{Cell, Outcome, Outputs};
use crate::protocol::{Content, Stream};
use crate::source::SharedSources;

/// The process that runs the cells, once there is one; a restarted one takes its place.
pub(crate) type Process = Arc<Mutex<Option<Arc<Mutex<Child>>>>>;

/// What the user has chosen.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub timing: bool,
    pub value_format: ValueFormat,
    /// The level of optimisation of cells.
    pub level: Option<String>,
}

/// Compiles and runs one cell after the other.
pub(crate) struct Engine {
    pub context: Option<CommandContext>,
    pub outputs: Arc<Outputs>,
    pub build: BuildEnvironment,
    process: Process,
    /// The level of optimisation in the manifest, with spaces behind it: a change that changes nothing.
    level: String,
    pub notebook: Notebook,
    pub settings: Settings,
    /// Whether the crates that every notebook here needs were asked for, and an interrupt came between.
    pub lacks_crates: bool,
    /// Whether rust-analyzer was made to load the crates.
    pub is_warm: bool,
    /// Whether the present cell has asked for the front end's end.
    pub quits: bool,
}

impl Engine {
    /// An engine that is not [ready](Self::ready) yet.
    pub(super) fn new(
        outputs: Arc<Outputs>,
        build: BuildEnvironment,
        process: Process,
        sources: SharedSources,
    ) -> Self {
        let (notebook, settings) = (Notebook::new(sources), Settings::default());
        let (context, level) = (None, String::new());
        let (lacks_crates, is_warm, quits) = (false, false, false);
        Self {
            context,
            outputs,
            build,
            process,
            level,
            notebook,
            settings,
            lacks_crates,
            is_warm,
            quits,
        }
    }

    /// evcxr, made ready if it is not.
    pub(crate) fn ready(&mut self) -> Result<&mut CommandContext, Failure> {
        if self.context.is_none() {
            let outputs = Arc::clone(&self.outputs);
            let _shield = outputs.interrupts.shield();
            let failed = |error: String| Failure::new("KernelError", error.trim(), &[]);
            let directory = self.build.directory.as_ref();
            let filled = directory.map_err(|error| failed(format!("{error:#}")))?.fill();
            filled.map_err(|error| failed(format!("{error:#}")))?;
            let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
            let mut program = Command::new(program);
            if let Some(cargo) = &self.build.cargo {
                cargo.hide_from(&mut program);
            }
            let (context, streams) = EvalContext::with_subprocess_command(program)
                .map_err(|error| failed(compilers::explained(&error.to_string())))?;
            // Cells print elsewhere; evcxr waits until these are empty.
            for stream in [streams.stdout, streams.stderr] {
                std::thread::spawn(move || stream.iter().for_each(drop));
            }
            *self.process.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.process_handle());
            context.state().opt_level().clone_into(&mut self.level);
            self.context = Some(CommandContext::with_eval_context(context));
            self.prepare_process();
            self.show_std_source().map_err(|error| failed(error.to_string()))?;
        }
        if compilers::left_unanswered()
            && let Err(error) = self.read_crates_again()
        {
            eprintln!("rust-analyzer may not know all crates: {error}");
        }
        self.context.as_mut().ok_or_else(|| Failure::new("KernelError", "evcxr is not ready", &[]))
    }

    /// Lets rust-analyzer read the standard library's source with the next cell.
    fn show_std_source(&mut self) -> Result<(), Error> {
        let Some(std_source) = self.build.std_source.take() else { return Ok(()) };
        std_source.show()?;
        self.change_manifest()
    }

    /// Lets rust-analyzer read the crates again, also if a completion comes before the next cell.
    fn read_crates_again(&mut self) -> Result<(), Error> {
        let before = format!("\nopt-level = {}\n", self.level);
        self.change_manifest()?;
        let manifest = self.folder().join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        Ok(fs::write(&manifest, text.replace(&before, &format!("\nopt-level = {}\n", self.level)))?)
    }

    /// rust-analyzer reads all crates when Cargo.toml has changed. evcxr writes that with the next cell.
    fn change_manifest(&mut self) -> Result<(), Error> {
        self.level = match self.level.strip_suffix("  ") {
            Some(level) => format!("{level} "),
            None => format!("{} ", self.level),
        };
        self.context.as_mut().map_or(Ok(()), |context| context.set_opt_level(&self.level))
    }

    /// Runs code that the user does not see; what comes then belongs to the user's cell again.
    pub(crate) fn run_hidden(&mut self, code: &str) -> Outcome {
        let (result, outcome) = self.try_hidden(code);
        if let Err(error) = result {
            eprintln!("in the kernel's own cell: {error}");
        }
        outcome
    }

    /// [`run_hidden`](Self::run_hidden), with the error. An interrupt is not meant for this code.
    fn try_hidden(&mut self, code: &str) -> (Result<(), Error>, Outcome) {
        let before = self.variables();
        let (result, outcome, ended) = {
            let outputs = Arc::clone(&self.outputs);
            let _shield = outputs.interrupts.shield();
            self.run_silently(code)
        };
        if ended {
            self.prepare_process();
            let count = self.outputs.present().map_or(0, |cell| cell.execution_count);
            for (name, _) in &before {
                let cause = "the process of the cells ended".to_owned();
                self.notebook.ledger.note(name, count, None, Event::Lost { cause });
            }
            self.notebook.hold(&[]);
        }
        (result, outcome)
    }

    /// Runs code that the user does not see and may stop. Says also whether the process of the cells has ended.
    pub(crate) fn run_silently(&mut self, code: &str) -> (Result<(), Error>, Outcome, bool) {
        let cell = Cell { silent: true, ..Cell::default() };
        let before = self.outputs.present();
        self.outputs.begin(cell);
        let ran = self.evaluate(code);
        if let Some(cell) = before {
            self.outputs.begin(cell);
        }
        ran
    }

    /// Gives evcxr code and waits for its end. Says also whether the process of the cells has ended.
    pub(crate) fn evaluate(&mut self, text: &str) -> (Result<(), Error>, Outcome, bool) {
        let streams = self.outputs.streams_ended();
        let result = match &mut self.context {
            Some(context) => context.execute(text).map(drop),
            None => Err(Error::from("evcxr is not ready")),
        };
        let crates = self.outputs.end_build();
        let ended = matches!(result, Err(Error::SubprocessTerminated(_)));
        if ended {
            self.outputs.wait_for_streams(streams + 2);
        }
        (result, Outcome { crates, ..self.outputs.finish() }, ended)
    }

    /// Publishes a line of the kernel's own.
    pub(crate) fn say(&self, line: &str, stream: &'static str) {
        self.outputs.publish(Content::Stream(Stream { name: stream, text: format!("{line}\n") }));
    }

    /// A new process of the cells gets the kernel's own code.
    pub(crate) fn prepare_process(&mut self) {
        let code = prelude::all(&self.settings.value_format);
        let outputs = Arc::clone(&self.outputs);
        let _shield = outputs.interrupts.shield();
        if let (Err(error), ..) = self.run_silently(&code) {
            eprintln!("a new process of the cells is not ready: {error}");
        }
    }

    /// The variables that evcxr holds, with their types, sorted by name.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let all = self.context.iter().flat_map(CommandContext::variables_and_types);
        let mut all: Vec<_> = all.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
        all.sort();
        all
    }

    /// The number of the process that runs the cells.
    pub(crate) fn process(&self) -> Option<u32> {
        let handle = self.context.as_ref()?.process_handle();
        Some(handle.lock().unwrap_or_else(PoisonError::into_inner).id())
    }

    /// The folder in which cells are compiled.
    pub(crate) fn folder(&self) -> PathBuf {
        self.build.folder()
    }

    /// Reads which crates the last cell was compiled with.
    pub(crate) fn read_crates(&mut self) {
        self.notebook.set_crates(cargo::crates(&self.folder()));
    }
}
