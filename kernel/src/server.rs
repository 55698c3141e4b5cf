//! The kernel's sockets: requests in, replies and broadcasts out.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use zeromq::{
    RepSocket, RouterRecvHalf, RouterSendHalf, RouterSocket, SocketRecv, SocketSend, XPubSocket,
};

use crate::engine::{self, Done, Job, Process};
use crate::history::History;
use crate::output::{Cell, Outputs, Question};
use crate::wire::{ConnectionFile, Message, PROTOCOL, Session};
use crate::{complete, interrupt, runtime, slot};

/// Messages that wait for a slow subscriber before cells have to wait, too.
const IOPUB_QUEUE: usize = 64;
/// A subscriber that takes nothing for so long is not waited for.
const SUBSCRIBER_PATIENCE: Duration = Duration::from_secs(10);
/// Cells that were queued behind one that failed have arrived within this time.
const ABORT_WINDOW: Duration = Duration::from_millis(20);
/// Time for a cell to answer an interrupt before its process is ended, in seconds.
const GRACE: &str = "TWOVIEWS_INTERRUPT_GRACE";

/// Serves the connection file's ports until a shutdown request.
pub(crate) fn run(connection_file: &Path) -> Result<()> {
    let connection = ConnectionFile::read(connection_file)?;
    let slot = slot::take()?;
    let private = PrivateFolder::new()?;
    let socket = private.0.join("cells");
    // SAFETY: no other thread runs yet.
    unsafe {
        for (name, _) in std::env::vars_os() {
            if is_cargos(&name.to_string_lossy()) {
                std::env::remove_var(name);
            }
        }
        if let Some(slot) = &slot {
            std::env::set_var("EVCXR_TMPDIR", &slot.folder);
        }
        std::env::set_var(runtime::SOCKET, &socket);
        std::env::set_var(interrupt::FILE, private.0.join("interrupt"));
        // The library asks for this to know that output is live.
        std::env::set_var("TWOVIEWS_KERNEL", env!("CARGO_PKG_VERSION"));
    }
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async move {
        let kernel = Kernel::start(&connection, slot, &socket).await?;
        kernel.serve(&connection).await
    })
}

/// What cargo tells a program about its package, when Jupyter was started by one. Build scripts such
/// as ring's look at these, and would run again, with all that depends on them.
fn is_cargos(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE"]
            .contains(&variable)
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

#[derive(Clone)]
struct Kernel {
    session: Session,
    iopub: mpsc::Sender<Message>,
    outputs: Arc<Outputs>,
    jobs: Sender<Job>,
    process: Process,
    questions: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Question>>>,
}

impl Kernel {
    async fn start(
        connection: &ConnectionFile,
        slot: Option<slot::Slot>,
        socket: &Path,
    ) -> Result<Self> {
        let session = connection.session();
        let (iopub, broadcasts) = mpsc::channel(IOPUB_QUEUE);
        let publisher: XPubSocket = connection.bind("iopub_port").await?;
        tokio::spawn(broadcast(publisher, broadcasts, session.clone()));
        let (sender, questions) = mpsc::unbounded_channel();
        let outputs = Outputs::new(session.clone(), iopub.clone(), sender);
        engine::listen(&outputs, socket).context("cannot listen to the cells")?;
        let process = Process::default();
        let jobs = engine::start(Arc::clone(&outputs), slot, Arc::clone(&process));
        let questions = Arc::new(tokio::sync::Mutex::new(questions));
        let kernel = Self { session, iopub, outputs, jobs, process, questions };
        kernel.broadcast("status", &Value::Null, json!({"execution_state": "starting"})).await;
        Ok(kernel)
    }

    async fn serve(self, connection: &ConnectionFile) -> Result<()> {
        let mut heartbeat: RepSocket = connection.bind("hb_port").await?;
        tokio::spawn(async move {
            while let Ok(beat) = heartbeat.recv().await {
                if heartbeat.send(beat).await.is_err() {
                    break;
                }
            }
        });
        let control: RouterSocket = connection.bind("control_port").await?;
        let stdin: RouterSocket = connection.bind("stdin_port").await?;
        let shell: RouterSocket = connection.bind("shell_port").await?;
        let (send, receive) = shell.split();
        let shell = Shell {
            kernel: self.clone(),
            send,
            receive,
            stdin: stdin.split(),
            history: History::default(),
            count: 0,
            queued: VecDeque::new(),
        };
        tokio::select! {
            ended = self.control(control) => ended,
            ended = shell.serve() => ended,
        }
    }

    /// Broadcasts a message that belongs to the request with header `parent`.
    async fn broadcast(&self, kind: &str, parent: &Value, content: Value) {
        let _ = self.iopub.send(self.session.message(kind, parent, content)).await;
    }

    async fn status(&self, request: &Message, state: &str) {
        self.broadcast("status", &request.header, json!({"execution_state": state})).await;
    }

    /// Answers on the control channel, also while a cell runs.
    async fn control(&self, control: RouterSocket) -> Result<()> {
        let (mut send, mut receive) = control.split();
        loop {
            let Some(request) = self.request(&mut receive).await else { continue };
            self.status(&request, "busy").await;
            let mut shut_down = false;
            let (kind, content) = match request.kind() {
                "kernel_info_request" => ("kernel_info_reply", kernel_info()),
                "interrupt_request" => ("interrupt_reply", self.interrupt()),
                "shutdown_request" => {
                    shut_down = true;
                    let restart = request.content["restart"].as_bool().unwrap_or(false);
                    ("shutdown_reply", json!({"status": "ok", "restart": restart}))
                }
                other => {
                    eprintln!("unknown message on the control channel: {other:?}");
                    self.status(&request, "idle").await;
                    continue;
                }
            };
            if shut_down {
                self.broadcast(kind, &request.header, content.clone()).await;
            }
            self.answer(&mut send, kind, &request, content).await;
            self.status(&request, "idle").await;
            if shut_down {
                // What is on its way to the client shall arrive.
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.end_process();
                return Ok(());
            }
        }
    }

    /// The next well-formed request.
    async fn request(&self, socket: &mut RouterRecvHalf) -> Option<Message> {
        let decoded = match socket.recv().await {
            Ok(frames) => self.session.decode(frames),
            Err(error) => Err(error.into()),
        };
        decoded.inspect_err(|error| eprintln!("a message was dropped: {error:#}")).ok()
    }

    async fn answer(
        &self,
        send: &mut RouterSendHalf,
        kind: &str,
        request: &Message,
        content: Value,
    ) {
        let reply = self.session.reply(kind, request, content);
        self.send(send, &reply).await;
    }

    async fn send(&self, send: &mut RouterSendHalf, message: &Message) {
        let sent = match self.session.encode(message) {
            Ok(frames) => send.send(frames).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            // The client has gone.
            eprintln!("{} was not sent: {error:#}", message.kind());
        }
    }

    /// Asks the cell to stop; ends it if it does not listen.
    fn interrupt(&self) -> Value {
        if let Err(error) = interrupt::ask() {
            return json!({"status": "error", "ename": "Error", "evalue": error.to_string(), "traceback": []});
        }
        let Some(started) = self.outputs.started() else {
            let keep = self.process_id();
            std::thread::spawn(move || interrupt::end_compilers(keep));
            return json!({"status": "ok"});
        };
        let seconds = std::env::var(GRACE).ok().and_then(|text| text.parse().ok()).unwrap_or(10.0);
        let kernel = self.clone();
        std::thread::spawn(move || {
            let same = || kernel.outputs.started() == Some(started) && interrupt::is_asked();
            std::thread::sleep(Duration::from_secs_f64(seconds));
            if same() {
                kernel.end_process();
            }
        });
        json!({"status": "ok"})
    }

    fn process_id(&self) -> u32 {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let id = |child: &Arc<Mutex<_>>| -> u32 {
            let child: &Mutex<std::process::Child> = child;
            child.lock().unwrap_or_else(PoisonError::into_inner).id()
        };
        process.as_ref().map_or(0, id)
    }

    fn end_process(&self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = process.as_ref() {
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    }
}

/// The shell channel: one request after the other.
struct Shell {
    kernel: Kernel,
    send: RouterSendHalf,
    receive: RouterRecvHalf,
    stdin: (RouterSendHalf, RouterRecvHalf),
    history: History,
    count: i64,
    /// Requests that arrived behind a cell that failed.
    queued: VecDeque<Message>,
}

impl Shell {
    async fn serve(mut self) -> Result<()> {
        loop {
            let Some(request) = self.kernel.request(&mut self.receive).await else { continue };
            self.handle(&request).await;
            while let Some(queued) = self.queued.pop_front() {
                self.handle(&queued).await;
            }
        }
    }

    async fn handle(&mut self, request: &Message) {
        self.kernel.status(request, "busy").await;
        match request.kind() {
            "execute_request" => self.execute(request).await,
            kind => {
                if let Some((reply, content)) = self.other(kind, request).await {
                    self.kernel.answer(&mut self.send, reply, request, content).await;
                }
            }
        }
        self.kernel.status(request, "idle").await;
    }

    /// What was queued behind a cell that failed. It is collected before the cell's reply is sent,
    /// so that nothing counts that was sent because of the reply.
    async fn collect_queue(&mut self) -> Vec<Message> {
        let mut queue: Vec<Message> = self.queued.drain(..).collect();
        while let Ok(request) =
            tokio::time::timeout(ABORT_WINDOW, self.kernel.request(&mut self.receive)).await
        {
            queue.extend(request);
        }
        queue
    }

    /// Aborts the cells of a queue; other requests are answered later.
    async fn abort(&mut self, queue: Vec<Message>) {
        for request in queue {
            if request.kind() != "execute_request" {
                self.queued.push_back(request);
                continue;
            }
            self.kernel.status(&request, "busy").await;
            let content = json!({"status": "aborted", "execution_count": self.count});
            self.kernel.answer(&mut self.send, "execute_reply", &request, content).await;
            self.kernel.status(&request, "idle").await;
        }
    }

    /// The reply to everything but a cell.
    async fn other(&mut self, kind: &str, request: &Message) -> Option<(&'static str, Value)> {
        let code = || request.content["code"].as_str().unwrap_or_default().to_owned();
        let cursor = request.content["cursor_pos"]
            .as_u64()
            .map_or_else(|| code().chars().count(), |n| n as usize);
        Some(match kind {
            "kernel_info_request" => ("kernel_info_reply", kernel_info()),
            "is_complete_request" => ("is_complete_reply", complete::reply(&code())),
            "history_request" => ("history_reply", self.history.reply(&request.content)),
            "comm_info_request" => ("comm_info_reply", json!({"status": "ok", "comms": {}})),
            "complete_request" => {
                let ask = |reply| Job::Complete { code: code(), cursor, reply };
                ("complete_reply", self.ask(ask).await)
            }
            "inspect_request" => {
                let ask = |reply| Job::Inspect { code: code(), cursor, reply };
                ("inspect_reply", self.ask(ask).await)
            }
            "comm_open" => {
                let content = json!({"comm_id": request.content["comm_id"], "data": {}});
                self.kernel.broadcast("comm_close", &request.header, content).await;
                return None;
            }
            "comm_msg" | "comm_close" => return None,
            other => {
                eprintln!("unknown message on the shell channel: {other:?}");
                return None;
            }
        })
    }

    async fn ask(&self, job: impl FnOnce(oneshot::Sender<Value>) -> Job) -> Value {
        let (reply, answer) = oneshot::channel();
        let _ = self.kernel.jobs.send(job(reply));
        answer.await.unwrap_or_else(|_| {
            json!({"status": "error", "ename": "KernelError", "evalue": "the engine has ended", "traceback": []})
        })
    }

    async fn execute(&mut self, request: &Message) {
        let content = &request.content;
        let flag = |name: &str, default: bool| content[name].as_bool().unwrap_or(default);
        let code = content["code"].as_str().unwrap_or_default().to_owned();
        let silent = flag("silent", false);
        let stored = flag("store_history", true) && !silent;
        if stored {
            self.count += 1;
            self.history.push(self.count, &code);
        }
        if !silent {
            let input = json!({"code": code, "execution_count": self.count});
            self.kernel.broadcast("execute_input", &request.header, input).await;
        }
        let cell = Cell {
            parent: request.header.clone(),
            silent,
            ends_in_expression: ends_in_expression(&code),
            execution_count: self.count,
        };
        let (reply, done) = oneshot::channel();
        let _ = self.kernel.jobs.send(Job::Execute { code, cell, reply });
        let done = self.wait_for(done, request, flag("allow_stdin", true)).await;
        let mut answer = json!({"status": "ok", "execution_count": self.count, "payload": [], "user_expressions": {}});
        if let Some(failure) = &done.failure {
            if !silent {
                self.kernel.broadcast("error", &request.header, failure.content()).await;
            }
            answer = failure.content();
            answer["status"] = json!("error");
            answer["execution_count"] = json!(self.count);
        }
        let mut reply = self.kernel.session.reply("execute_reply", request, answer);
        reply.metadata = json!({
            "twoviews": {"compile_seconds": done.compile_seconds, "run_seconds": done.run_seconds},
        });
        let queue = if done.failure.is_some() && flag("stop_on_error", true) {
            self.collect_queue().await
        } else {
            Vec::new()
        };
        self.kernel.send(&mut self.send, &reply).await;
        self.abort(queue).await;
    }

    /// Waits for the cell, and passes its questions on to the reader meanwhile.
    async fn wait_for(
        &mut self,
        mut done: oneshot::Receiver<Done>,
        request: &Message,
        allow_stdin: bool,
    ) -> Done {
        let questions = Arc::clone(&self.kernel.questions);
        let mut questions = questions.lock().await;
        loop {
            tokio::select! {
                ended = &mut done => return ended.unwrap_or_else(|_| Done {
                    failure: Some(crate::report::Failure::new("KernelError", "the engine has ended", &[])),
                    compile_seconds: 0.0,
                    run_seconds: 0.0,
                }),
                Some(question) = questions.recv() => {
                    let answer = if allow_stdin { self.question(request, &question).await } else { None };
                    let _ = question.answer.send(answer.unwrap_or_default());
                }
            }
        }
    }

    /// The reader's answer; `None` if the cell was interrupted meanwhile.
    async fn question(&mut self, request: &Message, question: &Question) -> Option<String> {
        let content = json!({"prompt": question.prompt, "password": question.password});
        let message = self.kernel.session.reply("input_request", request, content);
        self.kernel.send(&mut self.stdin.0, &message).await;
        loop {
            let patience = Duration::from_millis(200);
            match tokio::time::timeout(patience, self.kernel.request(&mut self.stdin.1)).await {
                Ok(Some(answer)) if answer.kind() == "input_reply" => {
                    return Some(answer.content["value"].as_str().unwrap_or_default().to_owned());
                }
                Ok(_) => {}
                Err(_) if interrupt::is_asked() => return None,
                Err(_) => {}
            }
        }
    }
}

/// Sends what is to be broadcast, and welcomes every new subscriber.
async fn broadcast(
    mut publisher: XPubSocket,
    mut messages: mpsc::Receiver<Message>,
    session: Session,
) {
    loop {
        let message = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => message,
                None => return,
            },
            subscription = publisher.recv() => {
                let Ok(frames) = subscription else { continue };
                let frame = frames.get(0).map(|frame| frame.to_vec()).unwrap_or_default();
                let [1, topic @ ..] = frame.as_slice() else { continue };
                let text = String::from_utf8_lossy(topic).into_owned();
                let mut welcome =
                    session.message("iopub_welcome", &Value::Null, json!({"subscription": text}));
                welcome.identities = vec![topic.to_vec()];
                welcome
            }
        };
        let mut message = message;
        if message.identities.is_empty() {
            message.identities = vec![format!("kernel.{}", message.kind()).into_bytes()];
        }
        match session.encode(&message) {
            Ok(frames) => {
                match tokio::time::timeout(SUBSCRIBER_PATIENCE, publisher.send(frames)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => eprintln!("{} was not broadcast: {error}", message.kind()),
                    Err(_) => {
                        eprintln!("a subscriber takes nothing; {} was dropped", message.kind())
                    }
                }
            }
            Err(error) => eprintln!("{} was not encoded: {error:#}", message.kind()),
        }
    }
}

/// Whether the value of the last expression is what the cell shows.
fn ends_in_expression(code: &str) -> bool {
    let line =
        code.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("//"));
    line.is_some_and(|line| !line.ends_with([';', '}']) && !line.starts_with(':'))
}

fn kernel_info() -> Value {
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": "twoviews-kernel",
        "implementation_version": env!("CARGO_PKG_VERSION"),
        "language_info": {
            "name": "rust",
            "version": "1.95",
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "banner": "twoviews: Rust notebooks, live",
        "debugger": false,
        "help_links": [{"text": "Rust standard library", "url": "https://doc.rust-lang.org/std/"}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_words_about_another_package_are_dropped() {
        assert!(is_cargos("CARGO_PKG_NAME") && is_cargos("CARGO"));
        assert!(!is_cargos("CARGO_NET_OFFLINE") && !is_cargos("CARGO_HOME"));
    }

    #[test]
    fn only_a_final_expression_is_a_result() {
        for (code, result) in [
            ("1 + 1", true),
            ("let x = 1;\nx // that", true),
            ("let x = 1;", false),
            ("if a { b } ", false),
            (":vars", false),
            ("x\n// end", true),
            ("", false),
        ] {
            assert_eq!(ends_in_expression(code), result, "{code}");
        }
    }
}
