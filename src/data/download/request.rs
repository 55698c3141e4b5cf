//! One request, on a thread of its own, so that an interrupt is heard while the server is silent.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use ureq::http::{HeaderMap, Uri, header};

use super::retry::POLL;
use super::{Failure, RetryPolicy};

/// What a server is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// The address.
    pub(crate) url: String,
    /// Only the headers, with `HEAD`.
    pub(crate) head: bool,
    /// Value of the header `Range`.
    pub(crate) range: Option<String>,
    /// Value of the header `If-Range`.
    pub(crate) if_range: Option<String>,
    /// Sent as a bearer token to `origins` and to nobody else.
    pub(crate) token: Option<String>,
    /// The servers that belong together, as scheme, host and port. A `HEAD` ends with the response
    /// that leads away from them.
    pub(crate) origins: Vec<String>,
}

/// The headers of a response, and its content chunk by chunk.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    messages: Receiver<Message>,
}

enum Message {
    Head(u16, Box<HeaderMap>),
    Chunk(Vec<u8>),
    End,
    Failed(Failure),
}

const MAX_REDIRECTS: usize = 10;
const CHUNK_BYTES: usize = 1 << 16;

impl Request {
    /// Sends the request and waits for the headers of the response.
    pub(crate) fn send(&self, retry: &RetryPolicy) -> Result<Response, Failure> {
        Failure::check_interrupt()?;
        let (sender, messages) = sync_channel(16);
        let (request, retry) = (self.clone(), *retry);
        // Abandoned, the thread ends with its next chunk or when the server has been silent.
        std::thread::Builder::new()
            .name("download".into())
            .spawn(move || {
                let end =
                    request.run(&retry, &sender).map_or_else(Message::Failed, |()| Message::End);
                let _ = sender.send(end);
            })
            .map_err(|error| Failure::Broken(format!("no thread for the download: {error}")))?;
        match receive(&messages)? {
            Message::Head(status, headers) => Ok(Response { status, headers: *headers, messages }),
            Message::Failed(failure) => Err(failure),
            Message::Chunk(_) | Message::End => Err(Failure::Broken("there was no answer".into())),
        }
    }

    fn run(&self, retry: &RetryPolicy, sender: &SyncSender<Message>) -> Result<(), Failure> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(retry.connect_timeout))
            .timeout_connect(Some(retry.connect_timeout))
            .timeout_send_request(Some(retry.read_timeout))
            .timeout_recv_response(Some(retry.read_timeout))
            .timeout_per_read(Some(retry.read_timeout))
            .user_agent(concat!("twoviews/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let mut url = self.url.clone();
        let mut redirects = 0;
        let response = loop {
            let ours = self.origins.contains(&origin(&url));
            let request = if self.head { agent.head(&url) } else { agent.get(&url) };
            // The bytes as they are: a compressed response has neither their size nor their order.
            let mut request = request.header(header::ACCEPT_ENCODING, "identity");
            for (name, value) in [(header::RANGE, &self.range), (header::IF_RANGE, &self.if_range)]
            {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            if let Some(token) = self.token.as_ref().filter(|_| ours) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| failure(&error, retry, false))?;
            let location = response.headers().get(header::LOCATION).and_then(|l| l.to_str().ok());
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                break response;
            };
            let next = join(&url, location);
            if self.head && !self.origins.contains(&origin(&next)) {
                break response;
            }
            redirects += 1;
            if redirects > MAX_REDIRECTS {
                return Err(Failure::Wrong(format!("more than {MAX_REDIRECTS} redirections")));
            }
            url = next;
        };
        let head = Message::Head(response.status().as_u16(), Box::new(response.headers().clone()));
        // A receiver that is gone has no more use for the response.
        if sender.send(head).is_err() || self.head {
            return Ok(());
        }
        let mut body = response.into_body().into_reader();
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let n = match body.read(&mut chunk) {
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failure(&ureq::Error::from(error), retry, true)),
            };
            chunk.truncate(n);
            if n == 0 || sender.send(Message::Chunk(chunk)).is_err() {
                return Ok(());
            }
        }
    }
}

impl Response {
    /// The next chunk of the content, `None` at its end.
    pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match receive(&self.messages)? {
            Message::Chunk(bytes) => Ok(Some(bytes)),
            Message::Failed(failure) => Err(failure),
            Message::End | Message::Head(..) => Ok(None),
        }
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }
}

fn receive(messages: &Receiver<Message>) -> Result<Message, Failure> {
    loop {
        Failure::check_interrupt()?;
        match messages.recv_timeout(POLL) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::Broken("the download's thread ended".into()));
            }
        }
    }
}

/// What an error means before a response has `begun`, and after.
fn failure(error: &ureq::Error, retry: &RetryPolicy, begun: bool) -> Failure {
    use std::io::ErrorKind;
    use ureq::Timeout;
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Failure::Unreachable(format!("no connection within {:?}", retry.connect_timeout))
        }
        ureq::Error::Timeout(_) => {
            Failure::Broken(format!("the server was silent for {:?}", retry.read_timeout))
        }
        ureq::Error::Io(error) => match error.kind() {
            // Made and lost; anything else says that there is no such host, way or certificate.
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut => Failure::Broken(format!("the connection broke: {error}")),
            _ if begun => Failure::Broken(format!("the connection broke: {error}")),
            _ => Failure::Unreachable(error.to_string()),
        },
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            Failure::Unreachable(error.to_string())
        }
        ureq::Error::Protocol(error) => {
            Failure::Broken(format!("the server's answer makes no sense: {error}"))
        }
        error if begun => Failure::Broken(error.to_string()),
        error => Failure::Unreachable(error.to_string()),
    }
}

/// Scheme, host and port, with the port that the scheme implies.
pub(crate) fn origin(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else { return String::new() };
    let scheme = uri.scheme_str().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
    format!("{scheme}://{}:{port}", uri.host().unwrap_or_default().to_ascii_lowercase())
}

/// Where `location`, a response to `url`, leads.
fn join(url: &str, location: &str) -> String {
    if location.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some()) {
        return location.to_owned();
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    if location.starts_with("//") {
        return format!("{scheme}:{location}");
    }
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    if location.starts_with('/') {
        return format!("{scheme}://{host}{location}");
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    format!("{scheme}://{host}{folder}{location}")
}

#[cfg(test)]
mod tests {
    use super::{join, origin};

    #[test]
    fn redirections_lead_where_they_say() {
        let url = "https://hub.example:8443/mirror/a/resolve/main/b?x=/y";
        for (location, expected) in [
            ("http://cdn.example/q?s=1", "http://cdn.example/q?s=1"),
            ("//cdn.example/q", "https://cdn.example/q"),
            ("/q/r", "https://hub.example:8443/q/r"),
            ("c", "https://hub.example:8443/mirror/a/resolve/main/c"),
        ] {
            assert_eq!(join(url, location), expected);
        }
        assert_eq!(join("https://hub.example", "c"), "https://hub.example/c");
        assert_eq!(origin(url), "https://hub.example:8443");
        assert_eq!(origin("HTTP://Hub.Example/a"), origin("http://hub.example:80/"));
        assert_ne!(origin("http://hub.example/"), origin("https://hub.example/"));
    }
}
