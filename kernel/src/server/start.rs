//! From Jupyter's connection file to open sockets.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use twoviews_constants::variable::{INTERRUPT_FILE, KERNEL};
use zeromq::{RepSocket, RouterSocket, SocketRecv, SocketSend};

use super::kernel::Kernel;
use super::private_folder::PrivateFolder;
use super::shell::Shell;
use crate::build::{BuildEnvironment, cargo, compilers, directory, leftovers};
use crate::child::markers::SOCKET;
use crate::evaluator;
use crate::memory;
use crate::output::{self, Outputs, Question};
use crate::protocol::{ConnectionFile, Session};
use crate::source::SharedSources;

/// Serves the connection file's ports until a shutdown request.
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    memory::part_trees();
    let connection = ConnectionFile::read(connection_file)?;
    let private = PrivateFolder::new()?;
    let socket = private.path.join("cells");
    let mut build = begin(&private);
    let folder = build.directory.as_ref().ok().map(|directory| directory.folder.clone());
    let remove_cells = move || folder.iter().for_each(|folder| leftovers::remove_cells(folder));
    if let Ok(directory) = &mut build.directory {
        directory.shrink_cache();
    }
    compilers::ask_for_version();
    end_with_parent(remove_cells.clone());
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = tokio.block_on(async move {
        let (kernel, questions) = Kernel::start(&connection, build, &socket).await?;
        let _tap = output::follow(&kernel.outputs).context("cannot follow the compiler")?;
        serve(kernel, questions, &connection).await
    });
    remove_cells();
    ended
}

/// Compiles the crates that `environment`, a kernel's, names, into the build directory that it names; cargo says
/// what it does.
#[allow(unsafe_code, reason = "the environment is changed while there is one thread")]
pub(crate) fn compile_crates(environment: &BTreeMap<String, String>) -> Result<()> {
    // SAFETY: no other thread runs yet.
    unsafe {
        for (name, value) in environment {
            std::env::set_var(name, value);
        }
    }
    let private = PrivateFolder::new()?;
    let build = begin(&private);
    let (iopub, mut messages) = mpsc::channel(1);
    let outputs = Outputs::new(
        Session::new(""),
        iopub,
        mpsc::unbounded_channel().0,
        SharedSources::default(),
    );
    outputs.listen(UnixListener::bind(private.path.join("cells"))?);
    std::thread::spawn(move || while messages.blocking_recv().is_some() {});
    evaluator::compile_crates(outputs, build).map_err(|error| anyhow::anyhow!("{error}"))
}

/// Sets what evcxr, the cells and the library in them look at.
#[allow(unsafe_code, reason = "the environment is changed while there is one thread")]
fn begin(private: &PrivateFolder) -> BuildEnvironment {
    let build = BuildEnvironment::new(directory::take(), &private.path);
    // SAFETY: no other thread runs yet.
    unsafe {
        // Jupyter may have been started by cargo. Build scripts such as ring's look at these, and
        // would run again, with all that depends on them.
        for (name, _) in std::env::vars_os() {
            if cargo::is_set_by_cargo(&name.to_string_lossy()) {
                std::env::remove_var(name);
            }
        }
        for (name, value) in build.variables() {
            std::env::set_var(name, value);
        }
        std::env::set_var(SOCKET, private.path.join("cells"));
        std::env::set_var(INTERRUPT_FILE, private.path.join("interrupt"));
        // The library asks for this to know that output is live.
        std::env::set_var(KERNEL, env!("CARGO_PKG_VERSION"));
    }
    build
}

/// Answers on all sockets.
async fn serve(
    kernel: Kernel,
    questions: mpsc::UnboundedReceiver<Question>,
    connection: &ConnectionFile,
) -> Result<()> {
    let mut heartbeat: RepSocket = connection.bind("hb_port").await?;
    tokio::spawn(async move {
        loop {
            // An error belongs to one client, which has gone.
            match heartbeat.recv().await {
                Ok(beat) => drop(heartbeat.send(beat).await),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    let control: RouterSocket = connection.bind("control_port").await?;
    let stdin: RouterSocket = connection.bind("stdin_port").await?;
    let shell: RouterSocket = connection.bind("shell_port").await?;
    let shell = Shell::new(kernel.clone(), shell, stdin, questions);
    tokio::select! {
        ended = kernel.control(control) => ended,
        ended = shell.serve() => ended,
        ended = signals(&kernel) => ended,
    }
}

/// Clients that do without messages, or whose messages were not answered: SIGTERM ends the kernel, as a shutdown
/// request does, and SIGINT interrupts the cell.
async fn signals(kernel: &Kernel) -> Result<()> {
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = end.recv() => {
                kernel.end_process();
                return Ok(());
            }
            _ = interrupt.recv() => drop(kernel.interrupt()),
        }
    }
}

/// Jupyter's own process, if it has started this one, is looked at this often.
const LOOK_AT_PARENT: Duration = Duration::from_secs(1);

/// Ends this process when Jupyter is gone, after the `last` thing to do: nobody could use it, and it would hold a
/// build directory.
fn end_with_parent(last: impl FnOnce() + Send + 'static) {
    if std::env::var_os("JPY_PARENT_PID").is_none() {
        return;
    }
    let parent = std::os::unix::process::parent_id();
    std::thread::spawn(move || {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(LOOK_AT_PARENT);
        }
        eprintln!("Jupyter has ended, and so does its kernel");
        last();
        std::process::exit(0);
    });
}
