//! What all channels share.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::mpsc;
use zeromq::{RouterRecvHalf, RouterSendHalf, SocketRecv, SocketSend};

use super::publisher::Publisher;
use crate::build::BuildEnvironment;
use crate::evaluator::{self, Job, Process};
use crate::output::{Outputs, Question};
use crate::protocol::{ConnectionFile, Content, Message, Session, Status};
use crate::source::SharedSources;

/// Messages that wait to be broadcast before cells have to wait, too.
const IOPUB_QUEUE: usize = 8;

/// Outputs, jobs and the iopub socket, for each channel to use.
#[derive(Clone)]
pub(super) struct Kernel {
    pub(super) session: Session,
    pub(super) publisher: Publisher,
    iopub: mpsc::Sender<Message>,
    pub(super) outputs: Arc<Outputs>,
    pub(super) jobs: Sender<Job>,
    pub(super) process: Process,
}

impl Kernel {
    /// Opens the iopub socket and starts the thread of the cells, which connect to `socket`. Gives also
    /// the questions that cells ask.
    pub(super) async fn start(
        connection: &ConnectionFile,
        build: BuildEnvironment,
        socket: &Path,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Question>)> {
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
        let listener = UnixListener::bind(socket).context("cannot listen to the cells")?;
        outputs.listen(listener);
        let process = Process::default();
        let jobs = evaluator::start(Arc::clone(&outputs), build, Arc::clone(&process), sources);
        let kernel = Self { session, publisher, iopub, outputs, jobs, process };
        kernel.broadcast(&Value::Null, Content::Status(Status::Starting)).await;
        Ok((kernel, questions))
    }

    /// Broadcasts a message that belongs to the request with header `parent`.
    pub(super) async fn broadcast(&self, parent: &Value, content: Content) {
        let _ = self.iopub.send(self.session.message(parent, &content)).await;
    }

    pub(super) async fn status(&self, request: &Message, status: Status) {
        self.broadcast(&request.header, Content::Status(status)).await;
    }

    /// Broadcasts without waiting for slow subscribers, in order all the same: an interrupt is
    /// acknowledged even while everything else waits.
    pub(super) fn broadcast_soon(&self, parent: &Value, content: &Content) {
        let message = self.session.message(parent, content);
        let iopub = self.iopub.clone();
        tokio::spawn(async move { iopub.send(message).await });
    }

    pub(super) fn status_soon(&self, request: &Message, status: Status) {
        self.broadcast_soon(&request.header, &Content::Status(status));
    }

    /// The next well-formed request; `None` for one that is not.
    pub(super) async fn request(&self, socket: &mut RouterRecvHalf) -> Option<Message> {
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

    pub(super) async fn answer(
        &self,
        send: &mut RouterSendHalf,
        request: &Message,
        content: &Content,
    ) {
        let reply = self.session.reply(request, content);
        self.send(send, &reply).await;
    }

    pub(super) async fn send(&self, send: &mut RouterSendHalf, message: &Message) {
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
