//! Servers on this machine: good ones, and such as break off, stall and lie.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// First byte asked for, and the one after the last.
    pub fn range(&self, length: usize) -> Option<(usize, usize)> {
        let (from, to) = self.header("Range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse().ok()?, to.parse::<usize>().map_or(length, |to| length.min(to + 1))))
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the length is told.
    pub sized: bool,
    pub end: End,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    /// The connection ends after so many bytes.
    Closed(usize),
    /// After so many bytes nothing comes, and the connection stays.
    Silent(usize),
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), sized: true, end: End::Whole }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// `content`, or the range of it that was asked for, as a good server has it.
    pub fn content(request: &Request, content: &[u8]) -> Self {
        match request.range(content.len()) {
            None => Self { body: content.to_vec(), ..Self::status(200) },
            Some((from, _)) if from >= content.len() => {
                Self::status(416).with("Content-Range", format!("bytes */{}", content.len()))
            }
            Some((from, to)) => Self { body: content[from..to].to_vec(), ..Self::status(206) }
                .with("Content-Range", format!("bytes {from}-{}/{}", to - 1, content.len())),
        }
    }
}

/// A server that answers with a function, each connection in a thread of its own.
pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (requests.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { address, requests }
    }

    /// A server that has one file under every address. The first transfers go wrong: each of
    /// `faults` changes an answer to a `GET`.
    pub fn faulty(content: Vec<u8>, faults: Vec<Fault>) -> Self {
        let faults = Mutex::new(faults.into_iter());
        Self::new(move |request| {
            let reply = Reply::content(request, &content);
            if request.method == "HEAD" {
                return reply;
            }
            match faults.lock().unwrap().next() {
                Some(fault) => fault(request, reply),
                None => reply,
            }
        })
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How often content was asked for.
    pub fn transfers(&self) -> usize {
        self.requests().iter().filter(|request| request.method == "GET").count()
    }
}

/// What a bad server makes of a good answer.
pub type Fault = Box<dyn Fn(&Request, Reply) -> Reply + Send + Sync>;

pub fn refuses(status: u16) -> Fault {
    Box::new(move |_, _| Reply::status(status))
}

/// Announces everything and ends early.
pub fn breaks_off(after: usize) -> Fault {
    Box::new(move |_, reply| Reply { end: End::Closed(after), ..reply })
}

/// Announces no length and ends early, as if that were all.
pub fn ends_early(after: usize) -> Fault {
    Box::new(move |_, reply| Reply { sized: false, end: End::Closed(after), ..reply })
}

pub fn falls_silent(after: usize) -> Fault {
    Box::new(move |_, reply| Reply { end: End::Silent(after), ..reply })
}

/// Sends everything, whatever was asked for.
pub fn ignores_ranges(content: Vec<u8>) -> Fault {
    Box::new(move |_, _| Reply { body: content.clone(), ..Reply::status(200) })
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        })
        .collect();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let request = Request { method, path, headers };
    log.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    let _ = send(stream, &request, &reply);
}

fn send(mut stream: TcpStream, request: &Request, reply: &Reply) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status)?;
    if reply.sized {
        write!(stream, "Content-Length: {}\r\n", reply.body.len())?;
    }
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let cut = match reply.end {
        End::Whole => reply.body.len(),
        End::Closed(after) | End::Silent(after) => after.min(reply.body.len()),
    };
    stream.write_all(&reply.body[..cut])?;
    if matches!(reply.end, End::Silent(_)) {
        // Until the client goes away, and no longer than a test lasts.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let _ = stream.read(&mut [0]);
    }
    stream.shutdown(Shutdown::Write)
}
