//! The iopub socket: what a cell shows, to everyone who listens.
//!
//! A publishing ZeroMQ socket (ZMTP 3.0, mechanism NULL) of our own: that of the library sends to one
//! subscriber after the other and cannot let go of one that takes nothing. Here each subscriber has
//! a short queue. A slow one makes the cell wait; one that stalls is dropped, with a notice.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::protocol::{Content, IopubWelcome, Message, Session};

/// A subscriber that takes nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 10_000 });
/// Messages that wait for one subscriber.
const QUEUE: usize = 64;
/// Bytes of all messages that wait for any subscriber.
const WAITING_BYTES: usize = 16 << 20;
/// Written at once, so that a slow subscriber is told from a stalled one.
const PIECE: usize = 64 << 10;
/// What a subscriber sends is short: subscriptions.
const LONGEST_REQUEST: u64 = 64 << 10;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Frames that go out, counted as waiting until the last subscriber has them.
struct Outgoing {
    frames: Vec<Vec<u8>>,
    _waits: Option<OwnedSemaphorePermit>,
}

struct Subscriber {
    number: u64,
    topics: Vec<Vec<u8>>,
    queue: mpsc::Sender<Arc<Outgoing>>,
}

/// Everyone who listens.
#[derive(Clone)]
pub(super) struct Publisher {
    session: Session,
    subscribers: Arc<Mutex<Vec<Subscriber>>>,
    waiting: Arc<Semaphore>,
}

impl Publisher {
    /// Binds to `address`, such as `127.0.0.1:5555`, and takes subscribers.
    pub(super) async fn bind(address: &str, session: Session) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot bind iopub_port to {address}"))?;
        let publisher = Self {
            session,
            subscribers: Arc::default(),
            waiting: Arc::new(Semaphore::new(WAITING_BYTES)),
        };
        let accepting = publisher.clone();
        tokio::spawn(async move {
            let mut number = 0;
            loop {
                // Too many open files, say: later ones may be accepted again.
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                number += 1;
                tokio::spawn(accepting.clone().serve(number, stream));
            }
        });
        Ok(publisher)
    }

    /// Sends a message to all who subscribed to its topic; waits for the slow ones.
    pub(super) async fn send(&self, mut message: Message) {
        message.identities = vec![format!("kernel.{}", message.kind()).into_bytes()];
        let frames = match self.session.frames(&message) {
            Ok(frames) => frames,
            Err(error) => {
                eprintln!("{} was not broadcast: {error:#}", message.kind());
                return;
            }
        };
        let topic = frames[0].clone();
        drop(message);
        let bytes = frames.iter().map(Vec::len).sum::<usize>().min(WAITING_BYTES);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let waits = Arc::clone(&self.waiting).acquire_many_owned(permits).await.ok();
        let outgoing = Arc::new(Outgoing { frames, _waits: waits });
        let wants = |s: &Subscriber| s.topics.iter().any(|start| topic.starts_with(start));
        let queues: Vec<_> =
            self.lock().iter().filter(|s| wants(s)).map(|s| s.queue.clone()).collect();
        for queue in queues {
            // An error: the subscriber has gone or was dropped meanwhile.
            let _ = queue.send(Arc::clone(&outgoing)).await;
        }
    }

    /// Returns once everything that waits has been taken, or after a short while.
    pub(super) async fn drain(&self) {
        let all = self.waiting.acquire_many(WAITING_BYTES as u32);
        let _ = tokio::time::timeout(Duration::from_millis(500), all).await;
    }

    async fn serve(self, number: u64, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, greet(&mut stream)).await {
            let (queue, outbox) = mpsc::channel(QUEUE);
            self.lock().push(Subscriber { number, topics: Vec::new(), queue });
            let (mut reader, mut writer) = stream.into_split();
            tokio::select! {
                _ = self.follow(number, &mut reader) => {}
                ended = deliver(outbox, &mut writer) => if let Err(error) = ended
                    && error.kind() == io::ErrorKind::TimedOut
                {
                    eprintln!("a subscriber of the outputs took nothing for {} s and was dropped", PATIENCE.as_secs());
                }
            }
            self.lock().retain(|subscriber| subscriber.number != number);
        }
    }

    /// Reads subscriptions until the connection ends; each is welcomed.
    async fn follow(&self, number: u64, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        loop {
            let (flags, body) = read_frame(reader).await?;
            let queue = {
                let mut subscribers = self.lock();
                let Some(own) = subscribers.iter_mut().find(|s| s.number == number) else {
                    return Ok(());
                };
                match body.split_first() {
                    Some((1, topic)) if flags & COMMAND == 0 => own.topics.push(topic.to_vec()),
                    Some((0, topic)) if flags & COMMAND == 0 => {
                        if let Some(at) = own.topics.iter().position(|known| known == topic) {
                            own.topics.remove(at);
                        }
                        continue;
                    }
                    _ => continue,
                }
                own.queue.clone()
            };
            let topic = &body[1..];
            let subscription = String::from_utf8_lossy(topic).into_owned();
            let content = Content::IopubWelcome(IopubWelcome { subscription });
            let mut welcome = self.session.message(&Value::Null, &content);
            welcome.identities = vec![topic.to_vec()];
            if let Ok(frames) = self.session.frames(&welcome) {
                let _ = queue.send(Arc::new(Outgoing { frames, _waits: None })).await;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both sides say what they are; the other one's answer only has to be well-formed.
async fn greet(stream: &mut TcpStream) -> io::Result<()> {
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).await?;
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs).await?;
    if theirs[0] != 0xff || theirs[10] < 3 || &theirs[12..16] != b"NULL" {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x04XPUB";
    write_frame(stream, COMMAND, ready).await?;
    let (flags, _) = read_frame(stream).await?;
    if flags & COMMAND == 0 { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
}

/// Writes what comes in the queue.
async fn deliver(
    mut outbox: mpsc::Receiver<Arc<Outgoing>>,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    while let Some(message) = outbox.recv().await {
        let last = message.frames.len() - 1;
        for (i, frame) in message.frames.iter().enumerate() {
            write_frame(writer, if i < last { MORE } else { 0 }, frame).await?;
        }
    }
    Ok(())
}

async fn write_frame(
    writer: &mut (impl AsyncWrite + Unpin),
    flags: u8,
    body: &[u8],
) -> io::Result<()> {
    let mut bytes = match u8::try_from(body.len()) {
        Ok(length) => vec![flags, length],
        Err(_) => {
            let mut head = vec![flags | LONG];
            head.extend((body.len() as u64).to_be_bytes());
            head
        }
    };
    // Short frames go out in one piece with their head.
    let (first, rest) = body.split_at(body.len().min(PIECE));
    bytes.extend(first);
    for piece in std::iter::once(bytes.as_slice()).chain(rest.chunks(PIECE)) {
        tokio::time::timeout(PATIENCE, writer.write_all(piece))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
    }
    Ok(())
}

async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let flags = reader.read_u8().await?;
    let length =
        if flags & LONG == 0 { reader.read_u8().await?.into() } else { reader.read_u64().await? };
    if length > LONGEST_REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize];
    reader.read_exact(&mut body).await?;
    Ok((flags, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zeromq::{Socket, SocketRecv, SubSocket};

    use super::*;
    use crate::protocol::{Status, Stream, session};

    fn message(content: &Content) -> Message {
        session("k").message(&Value::Null, content)
    }

    /// A subscriber of the library, connected and welcomed.
    async fn subscriber(address: &str, topic: &str) -> SubSocket {
        let mut socket = SubSocket::new();
        socket.connect(&format!("tcp://{address}")).await.unwrap();
        socket.subscribe(topic).await.unwrap();
        let welcome = session("k").decode(socket.recv().await.unwrap()).unwrap();
        assert_eq!(
            (welcome.kind(), &welcome.content["subscription"]),
            ("iopub_welcome", &json!(topic))
        );
        socket
    }

    #[tokio::test]
    async fn subscribers_get_what_they_subscribed_to() {
        let address = "127.0.0.1:39471";
        let publisher = Publisher::bind(address, session("k")).await.unwrap();
        let mut all = subscriber(address, "").await;
        let mut streams = subscriber(address, "kernel.stream").await;
        publisher.send(message(&Content::Status(Status::Busy))).await;
        let text = "x".repeat(1000);
        let stream = Stream { name: "stdout", text: text.clone() };
        publisher.send(message(&Content::Stream(stream))).await;
        let first = session("k").decode(all.recv().await.unwrap()).unwrap();
        assert_eq!(first.content["execution_state"], "busy");
        for socket in [&mut all, &mut streams] {
            let second = session("k").decode(socket.recv().await.unwrap()).unwrap();
            assert_eq!(second.content["text"], text.as_str());
        }
        assert!(Publisher::bind(address, session("k")).await.is_err(), "the port is in use");
    }

    #[tokio::test]
    async fn one_that_stalls_is_dropped() {
        let (queue, outbox) = mpsc::channel(4);
        // A pipe whose reader takes nothing.
        let (mut writer, _reader) = tokio::io::duplex(PIECE);
        let frames = vec![vec![0; 3 * PIECE]];
        queue.send(Arc::new(Outgoing { frames, _waits: None })).await.unwrap();
        let error = deliver(outbox, &mut writer).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(queue.is_closed());
    }
}
