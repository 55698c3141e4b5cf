//! The kernel's sockets: opened here, served by [`control`](crate::control) and
//! [`shell`](crate::shell).

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use zeromq::{RepSocket, RouterRecvHalf, RouterSendHalf, RouterSocket, SocketRecv, SocketSend};

use crate::cargo::StandIn;
use crate::engine::{self, Job, Process, Replaced};
use crate::output::{Outputs, Question};
use crate::publisher::Publisher;
use crate::shell::Shell;
use crate::source::SharedSources;
use crate::std_source::{self, StdSource};
use crate::wire::{ConnectionFile, Message, Session};
use crate::{cargo, compiling, info, interrupt, runtime, slot};

/// Messages that wait to be broadcast before cells have to wait, too.
const IOPUB_QUEUE: usize = 8;

/// Serves the connection file's ports until a shutdown request.
#[allow(unsafe_code, reason = "the environment is changed while there is one thread")]
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    let connection = ConnectionFile::read(connection_file)?;
    let slot = slot::take();
    let private = PrivateFolder::new()?;
    let socket = private.0.join("cells");
    let std_source = match &slot {
        Ok(Some(slot)) => StdSource::hidden(&slot.folder)
            .inspect_err(|error| {
                eprintln!("rust-analyzer reads the whole standard library: {error}")
            })
            .ok(),
        _ => None,
    };
    let stand_in = StandIn::new(&private.0.join("cargo"))
        .inspect_err(|error| eprintln!("cells are compiled by cargo alone: {error:#}"))
        .ok();
    // SAFETY: no other thread runs yet.
    unsafe {
        // Jupyter may have been started by cargo. Build scripts such as ring's look at these, and
        // would run again, with all that depends on them.
        for (name, _) in std::env::vars_os() {
            if cargo::is_set_by_cargo(&name.to_string_lossy()) {
                std::env::remove_var(name);
            }
        }
        if let Ok(Some(slot)) = &slot {
            std::env::set_var(slot::FOLDER, &slot.folder);
        }
        if let Some(std_source) = &std_source {
            std::env::set_var(std_source::VARIABLE, &std_source.link);
        }
        for (name, value) in stand_in.iter().flat_map(StandIn::variables) {
            std::env::set_var(name, value);
        }
        std::env::set_var(runtime::SOCKET, &socket);
        std::env::set_var(interrupt::FILE, private.0.join("interrupt"));
        // The library asks for this to know that output is live.
        std::env::set_var("TWOVIEWS_KERNEL", env!("CARGO_PKG_VERSION"));
    }
    info::prepare();
    end_with_parent();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async move {
        let replaced = Replaced { std_source, cargo: stand_in };
        let kernel = Kernel::start(&connection, slot, replaced, &socket).await?;
        let _tap = compiling::follow(&kernel.outputs).context("cannot follow the compiler")?;
        kernel.serve(&connection).await
    })
}

/// Jupyter's own process, if it has started this one, is looked at this often.
const LOOK_AT_PARENT: Duration = Duration::from_secs(1);

/// Ends this process when Jupyter is gone: nobody could use it, and it would hold a build folder.
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

/// A folder that only this user can read, for the socket and the interrupt file.
struct PrivateFolder(std::path::PathBuf);

impl PrivateFolder {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("twoviews-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What all channels share.
#[derive(Clone)]
pub(crate) struct Kernel {
    pub session: Session,
    pub publisher: Publisher,
    iopub: mpsc::Sender<Message>,
    pub outputs: Arc<Outputs>,
    pub jobs: Sender<Job>,
    pub process: Process,
    pub questions: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Question>>>,
}

impl Kernel {
    async fn start(
        connection: &ConnectionFile,
        slot: Result<Option<slot::Slot>>,
        replaced: Replaced,
        socket: &Path,
    ) -> Result<Self> {
        let session = connection.session();
        let address = connection.address("iopub_port")?;
        let publisher = Publisher::bind(&address, session.clone()).await?;
        let (iopub, mut broadcasts) = mpsc::channel(IOPUB_QUEUE);
        let sender = publisher.clone();
        tokio::spawn(async move {
            while let Some(message) = broadcasts.recv().await {
                sender.send(message).await;
            }
        });
        let (sender, questions) = mpsc::unbounded_channel();
        let sources = SharedSources::default();
        let outputs = Outputs::new(session.clone(), iopub.clone(), sender, Arc::clone(&sources));
        engine::listen(&outputs, socket).context("cannot listen to the cells")?;
        let process = Process::default();
        let jobs =
            engine::start(Arc::clone(&outputs), slot, replaced, Arc::clone(&process), sources);
        let questions = Arc::new(tokio::sync::Mutex::new(questions));
        let kernel = Self { session, publisher, iopub, outputs, jobs, process, questions };
        kernel.broadcast("status", &Value::Null, json!({"execution_state": "starting"})).await;
        Ok(kernel)
    }

    async fn serve(self, connection: &ConnectionFile) -> Result<()> {
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
        let shell = Shell::new(self.clone(), shell, stdin);
        tokio::select! {
            ended = self.control(control) => ended,
            ended = shell.serve() => ended,
        }
    }

    /// Broadcasts a message that belongs to the request with header `parent`.
    pub(crate) async fn broadcast(&self, kind: &str, parent: &Value, content: Value) {
        let _ = self.iopub.send(self.session.message(kind, parent, content)).await;
    }

    pub(crate) async fn status(&self, request: &Message, state: &str) {
        self.broadcast("status", &request.header, json!({"execution_state": state})).await;
    }

    /// Broadcasts without waiting for slow subscribers, in order all the same: an interrupt is
    /// acknowledged even while everything else waits.
    pub(crate) fn broadcast_soon(&self, kind: &str, parent: &Value, content: Value) {
        let message = self.session.message(kind, parent, content);
        let iopub = self.iopub.clone();
        tokio::spawn(async move { iopub.send(message).await });
    }

    pub(crate) fn status_soon(&self, request: &Message, state: &str) {
        self.broadcast_soon("status", &request.header, json!({"execution_state": state}));
    }

    /// The next well-formed request; `None` for one that is not.
    pub(crate) async fn request(&self, socket: &mut RouterRecvHalf) -> Option<Message> {
        let decoded = match socket.recv().await {
            Ok(frames) => self.session.decode(frames),
            Err(error) => {
                // A client has gone; should all be gone for good, this must not spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
                Err(error.into())
            }
        };
        decoded.inspect_err(|error| eprintln!("a message was dropped: {error:#}")).ok()
    }

    pub(crate) async fn answer(
        &self,
        send: &mut RouterSendHalf,
        kind: &str,
        request: &Message,
        content: Value,
    ) {
        let reply = self.session.reply(kind, request, content);
        self.send(send, &reply).await;
    }

    pub(crate) async fn send(&self, send: &mut RouterSendHalf, message: &Message) {
        let sent = match self.session.encode(message) {
            Ok(frames) => send.send(frames).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            // The client has gone.
            eprintln!("{} was not sent: {error:#}", message.kind());
        }
    }
}

/// The content of a reply that says why there is no other.
pub(crate) fn failed(why: &str) -> Value {
    json!({"status": "error", "ename": "KernelError", "evalue": why, "traceback": []})
}
