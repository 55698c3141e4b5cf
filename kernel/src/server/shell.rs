//! The shell channel: cells and questions about code, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket};

use crate::child::interrupt;
use crate::evaluator::assist::is_complete;
use crate::evaluator::engine::{Done, Job};
use crate::evaluator::errors::Failure;
use crate::evaluator::execute::Request;
use crate::output::{Cell, Question};
use crate::protocol::Message;
use crate::server::history::History;
use crate::server::info;
use crate::server::{Kernel, failed};
use crate::source::display::ends_in_value;

/// Cells that were queued behind one that failed have arrived within this time.
const ABORT_WINDOW: Duration = Duration::from_millis(20);

/// The shell channel: one request after the other.
pub(crate) struct Shell {
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
    pub(crate) fn new(kernel: Kernel, shell: RouterSocket, stdin: RouterSocket) -> Self {
        let (send, receive) = shell.split();
        let (history, queued) = (History::default(), VecDeque::new());
        Self { kernel, send, receive, stdin: stdin.split(), history, count: 0, queued }
    }

    pub(crate) async fn serve(mut self) -> Result<()> {
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
            let content = json!({"status": "aborted"});
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
            "kernel_info_request" => ("kernel_info_reply", info::reply()),
            "is_complete_request" => ("is_complete_reply", is_complete::reply(&code())),
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
        answer.await.unwrap_or_else(|_| failed("the engine has ended"))
    }

    async fn execute(&mut self, request: &Message) {
        let content = &request.content;
        let flag = |name: &str, default: bool| content[name].as_bool().unwrap_or(default);
        let Some(code) = content["code"].as_str().map(str::to_owned) else {
            let content = failed("an execute_request without code");
            self.kernel.answer(&mut self.send, "execute_reply", request, content).await;
            return;
        };
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
            ends_in_expression: ends_in_value(&code),
            execution_count: self.count,
        };
        let (reply, done) = oneshot::channel();
        self.kernel.outputs.set_waiting(Some(cell.clone()));
        let id = request.metadata["cellId"].as_str().map(str::to_owned);
        let job = Job::Execute { request: Request { code, id, cell }, reply };
        let _ = self.kernel.jobs.send(job);
        let done = self.wait_for(done, request, flag("allow_stdin", true)).await;
        self.kernel.outputs.set_waiting(None);
        interrupt::clear();
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
                ended = &mut done => return ended.unwrap_or_else(|_| {
                    Done::failed(Failure::new("KernelError", "the engine has ended", &[]))
                }),
                Some(question) = questions.recv() => {
                    let answer = if allow_stdin { self.question(request, &question).await } else { None };
                    let _ = question.answer.send(answer);
                }
            }
        }
    }

    /// The reader's answer; `None`, the end of all input, if the cell was interrupted meanwhile.
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
