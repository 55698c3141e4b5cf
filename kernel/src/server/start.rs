//! From Jupyter's connection file to open sockets.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use twoviews_constants::variable::{INTERRUPT_FILE, KERNEL};
use zeromq::{RepSocket, RouterSocket, SocketRecv, SocketSend};

use super::kernel::Kernel;
use super::shell::Shell;
use crate::build::{BuildEnvironment, cargo, compilers, directory};
use crate::child::markers::SOCKET;
use crate::evaluator;
use crate::output::{self, Outputs, Question};
use crate::protocol::{ConnectionFile, Session};
use crate::source::SharedSources;

/// Serves the connection file's ports until a shutdown request.
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    let connection = ConnectionFile::read(connection_file)?;
    let private = PrivateFolder::new()?;
    let socket = private.0.join("cells");
    let mut build = begin(&private);
    if let Ok(directory) = &mut build.directory {
        directory.shrink_cache();
    }
    compilers::ask_for_version();
    end_with_parent();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async move {
        let (kernel, questions) = Kernel::start(&connection, build, &socket).await?;
        let _tap = output::follow(&kernel.outputs).context("cannot follow the compiler")?;
        serve(kernel, questions, &connection).await
    })
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
    outputs.listen(UnixListener::bind(private.0.join("cells"))?);
    std::thread::spawn(move || while messages.blocking_recv().is_some() {});
    evaluator::compile_crates(outputs, build).map_err(|error| anyhow::anyhow!("{error}"))
}

/// Sets what evcxr, the cells and the library in them look at.
#[allow(unsafe_code, reason = "the environment is changed while there is one thread")]
fn begin(private: &PrivateFolder) -> BuildEnvironment {
    let build = BuildEnvironment::new(directory::take(), &private.0);
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
        std::env::set_var(SOCKET, private.0.join("cells"));
        std::env::set_var(INTERRUPT_FILE, private.0.join("interrupt"));
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
    }
}

/// Jupyter's own process, if it has started this one, is looked at this often.
const LOOK_AT_PARENT: Duration = Duration::from_secs(1);

/// Ends this process when Jupyter is gone: nobody could use it, and it would hold a build directory.
fn end_with_parent() {
    if std::env::var_os("JPY_PARENT_PID").is_none() {
        return;
    }
    let parent = std::os::unix::process::parent_id();
    std::thread::spawn(move || {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(LOOK_AT_PARENT);
        }
        eprintln!("Jupyter has ended, and so does its kernel");
        std::process::exit(0);
    });
}

/// Names for it that are tried.
const NAMES: usize = 100;

/// A folder that only this user can read, for the socket and the interrupt file.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new() -> Result<Self> {
        Self::in_folder(&std::env::temp_dir())
    }

    fn in_folder(folder: &Path) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("twoviews-{}", std::process::id());
        // A kernel of another user that was killed may have left one of this name, which only they can remove.
        let names = (0..NAMES).map(|n| if n == 0 { name.clone() } else { format!("{name}-{n}") });
        let mut failed = std::io::Error::other("every name is taken");
        for path in names.map(|name| folder.join(name)) {
            let _ = std::fs::remove_dir_all(&path);
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) => failed = error,
            }
            if failed.kind() != std::io::ErrorKind::AlreadyExists {
                break;
            }
        }
        Err(failed).with_context(|| format!("cannot make {}", folder.join(name).display()))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_user_has_left_is_no_reason_not_to_start() {
        let place = tempfile::tempdir().unwrap();
        // Neither is a folder that can be removed.
        let name = format!("twoviews-{}", std::process::id());
        std::fs::write(place.path().join(&name), "").unwrap();
        let made = PrivateFolder::in_folder(place.path()).unwrap();
        assert_eq!(made.0, place.path().join(format!("{name}-1")));
        let missing = PrivateFolder::in_folder(&place.path().join("missing"));
        assert!(missing.is_err_and(|error| format!("{error:#}").contains("missing")));
    }
}
