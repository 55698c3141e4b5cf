//! The shell channel: cells and questions about code, one after the other.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{mpsc, oneshot};
use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket};

use super::history::History;
use super::info::kernel_info;
use super::kernel::Kernel;
use crate::evaluator::{CellRequest, CellResult, Failure, Job, is_complete};
use crate::output::{Cell, Question};
use crate::protocol::{
    CommClose, CommInfo, Content, Empty, ErrorContent, ExecuteInput, ExecuteReply, ExecuteRequest,
    InputRequest, Message, Reply, Request, Status,
};
use crate::source::display::ends_in_value;

/// Cells that were queued behind one that failed have arrived within this time.
const ABORT_WINDOW: Duration = Duration::from_millis(20);

/// The shell channel: one request after the other.
pub(super) struct Shell {
    kernel: Kernel,
    send: RouterSendHalf,
    receive: RouterRecvHalf,
    stdin: (RouterSendHalf, RouterRecvHalf),
    questions: mpsc::UnboundedReceiver<Question>,
    history: History,
    count: i64,
    /// Requests that arrived while a cell ran.
    queued: VecDeque<Message>,
}

impl Shell {
    pub(super) fn new(
        kernel: Kernel,
        shell: RouterSocket,
        stdin: RouterSocket,
        questions: mpsc::UnboundedReceiver<Question>,
    ) -> Self {
        let (send, receive) = shell.split();
        let (stdin, history, queued) = (stdin.split(), History::default(), VecDeque::new());
        Self { kernel, send, receive, stdin, questions, history, count: 0, queued }
    }

    pub(super) async fn serve(mut self) -> Result<()> {
        loop {
            let request = match self.queued.pop_front() {
                Some(queued) => Some(queued),
                None => self.kernel.request(&mut self.receive).await,
            };
            if let Some(request) = request {
                self.handle(&request).await;
            }
        }
    }

    async fn handle(&mut self, message: &Message) {
        self.kernel.status(message, Status::Busy).await;
        match Request::of(message) {
            Request::Execute(request) => self.execute(message, request).await,
            request => {
                if let Some(content) = self.other(request, message).await {
                    self.kernel.answer(&mut self.send, message, &content).await;
                }
            }
        }
        self.kernel.status(message, Status::Idle).await;
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

    /// A request that arrives while a cell runs: an interrupt, which some clients send here and not on the control
    /// channel, is for this cell; all else has to wait.
    async fn meanwhile(&mut self, request: Option<Message>) {
        let Some(request) = request else { return };
        if matches!(Request::of(&request), Request::Interrupt) {
            let content = Content::InterruptReply(self.kernel.interrupt());
            self.kernel.answer(&mut self.send, &request, &content).await;
        } else {
            self.queued.push_back(request);
        }
    }

    /// Aborts the cells of a queue; other requests are answered later.
    async fn abort(&mut self, queue: Vec<Message>) {
        for message in queue {
            if !matches!(Request::of(&message), Request::Execute(_)) {
                self.queued.push_back(message);
                continue;
            }
            self.kernel.status(&message, Status::Busy).await;
            let content = Content::ExecuteReply(ExecuteReply::Aborted);
            self.kernel.answer(&mut self.send, &message, &content).await;
            self.kernel.status(&message, Status::Idle).await;
        }
    }

    /// The reply to everything but a cell.
    async fn other(&mut self, request: Request, message: &Message) -> Option<Content> {
        Some(match request {
            Request::KernelInfo => Content::KernelInfoReply(Reply::Ok(kernel_info())),
            Request::IsComplete(request) => {
                Content::IsCompleteReply(is_complete::of(&request.code))
            }
            Request::History(request) => {
                Content::HistoryReply(Reply::Ok(self.history.answer(&request)))
            }
            Request::CommInfo => Content::CommInfoReply(Reply::Ok(CommInfo::default())),
            Request::Complete(request) => {
                let cursor = request.cursor();
                let ask = |reply| Job::Complete { code: request.code, cursor, reply };
                Content::CompleteReply(self.ask(ask).await)
            }
            Request::Inspect(request) => {
                let cursor = request.cursor();
                let ask = |reply| Job::Inspect { code: request.code, cursor, reply };
                Content::InspectReply(self.ask(ask).await)
            }
            Request::CommOpen(request) => {
                let close = CommClose { comm_id: request.comm_id, data: Empty {} };
                self.kernel.broadcast(&message.header, Content::CommClose(close)).await;
                return None;
            }
            Request::CommMessage | Request::CommClose => return None,
            Request::Interrupt => Content::InterruptReply(self.kernel.interrupt()),
            _ => {
                eprintln!("unknown message on the shell channel: {:?}", message.kind());
                return None;
            }
        })
    }

    /// Waits for what the engine answers.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Reply<T> {
        let (reply, answer) = oneshot::channel();
        let _ = self.kernel.jobs.send(job(reply));
        match answer.await {
            Ok(answer) => Reply::Ok(answer),
            Err(_) => Reply::Error(ErrorContent::of_the_kernel("the engine has ended")),
        }
    }

    /// Runs a cell, and aborts those that are queued behind it if it fails.
    async fn execute(&mut self, message: &Message, request: ExecuteRequest) {
        let Some(code) = request.code.clone() else {
            let error = ErrorContent::of_the_kernel("an execute_request without code");
            let reply = ExecuteReply::Error { error, execution_count: None };
            let content = Content::ExecuteReply(reply);
            self.kernel.answer(&mut self.send, message, &content).await;
            return;
        };
        self.announce(message, &request, &code).await;
        let result = self.run(message, &request, code).await;
        let mut reply = ExecuteReply::ok(self.count, result.quits);
        if let Some(failure) = &result.failure {
            let error = failure.content();
            if !request.silent {
                self.kernel.broadcast(&message.header, Content::Error(error.clone())).await;
            }
            reply = ExecuteReply::Error { error, execution_count: Some(self.count) };
        }
        let mut reply = self.kernel.session.reply(message, &Content::ExecuteReply(reply));
        reply.set_timing(&result.timing);
        let queue = if result.failure.is_some() && request.stop_on_error {
            self.collect_queue().await
        } else {
            Vec::new()
        };
        self.kernel.send(&mut self.send, &reply).await;
        self.abort(queue).await;
    }

    /// Counts a cell, and shows to everyone what is about to run.
    async fn announce(&mut self, message: &Message, request: &ExecuteRequest, code: &str) {
        if request.silent {
            return;
        }
        if request.store_history {
            self.count += 1;
            self.history.push(self.count, code);
        }
        let input = ExecuteInput { code: code.to_owned(), execution_count: self.count };
        self.kernel.broadcast(&message.header, Content::ExecuteInput(input)).await;
    }

    /// Has the engine run a cell, and asks the user what the cell asks meanwhile.
    async fn run(
        &mut self,
        message: &Message,
        request: &ExecuteRequest,
        code: String,
    ) -> CellResult {
        let cell = Cell {
            parent: message.header.clone(),
            silent: request.silent,
            ends_in_expression: ends_in_value(&code),
            execution_count: self.count,
        };
        let (reply, result) = oneshot::channel();
        self.kernel.outputs.set_waiting(Some(cell.clone()));
        let id = message.cell_id().map(str::to_owned);
        let job = Job::Execute { request: CellRequest { code, id, cell }, reply };
        let _ = self.kernel.jobs.send(job);
        let result = self.wait_for(result, message, request.allow_stdin).await;
        self.kernel.outputs.set_waiting(None);
        // From here on no interrupt is meant for this cell.
        self.kernel.outputs.interrupts.take();
        result
    }

    /// Waits for the cell, and passes its questions on to the user meanwhile.
    async fn wait_for(
        &mut self,
        mut result: oneshot::Receiver<CellResult>,
        message: &Message,
        allow_stdin: bool,
    ) -> CellResult {
        loop {
            tokio::select! {
                ended = &mut result => return ended.unwrap_or_else(|_| {
                    CellResult::failed(Failure::new("KernelError", "the engine has ended", &[]))
                }),
                Some(question) = self.questions.recv() => {
                    let answer = if allow_stdin { self.question(message, &question).await } else { None };
                    let _ = question.answer.send(answer);
                }
                request = self.kernel.request(&mut self.receive) => self.meanwhile(request).await,
            }
        }
    }

    /// The user's answer; `None`, the end of all input, if the cell was interrupted meanwhile.
    async fn question(&mut self, message: &Message, question: &Question) -> Option<String> {
        let request = InputRequest { prompt: question.prompt.clone(), password: question.password };
        let request = self.kernel.session.reply(message, &Content::InputRequest(request));
        self.kernel.send(&mut self.stdin.0, &request).await;
        loop {
            tokio::select! {
                answer = self.kernel.request(&mut self.stdin.1) => {
                    if let Some(Request::InputReply(answer)) = answer.as_ref().map(Request::of) {
                        return Some(answer.value);
                    }
                }
                request = self.kernel.request(&mut self.receive) => self.meanwhile(request).await,
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            if self.kernel.outputs.interrupts.is_asked() {
                return None;
            }
        }
    }
}
