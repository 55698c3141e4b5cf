//! Messages as frames, signed with HMAC-SHA256.

use anyhow::{Context, Result, bail, ensure};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use zeromq::ZmqMessage;

use super::content::Content;
use super::replies::Timing;

const DELIMITER: &[u8] = b"<IDS|MSG>";
/// Version of the messaging protocol.
pub(crate) const PROTOCOL: &str = "5.4";

/// Signs and numbers the messages of one kernel.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    key: String,
    id: String,
}

/// One message, as JSON values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// Who sent it, or the topic.
    pub identities: Vec<Vec<u8>>,
    pub header: Value,
    pub parent_header: Value,
    pub metadata: Value,
    pub content: Value,
    pub buffers: Vec<Vec<u8>>,
}

impl Message {
    pub(crate) fn kind(&self) -> &str {
        self.header["msg_type"].as_str().unwrap_or_default()
    }

    /// Jupyter's name of the cell that a request is about, if the client tells it.
    pub(crate) fn cell_id(&self) -> Option<&str> {
        self.metadata["cellId"].as_str()
    }

    /// Tells the client, beside a cell's reply, how long it took.
    pub(crate) fn set_timing(&mut self, timing: &Timing) {
        self.metadata = json(&Metadata { twoviews: timing });
    }
}

/// The header of a message of the kernel.
#[derive(Serialize)]
struct Header<'a> {
    msg_id: String,
    session: &'a str,
    username: &'a str,
    date: String,
    msg_type: &'a str,
    version: &'a str,
}

/// What the kernel adds to a reply; others may add theirs under other names.
#[derive(Serialize)]
struct Metadata<'a> {
    twoviews: &'a Timing,
}

/// A value of this program as JSON: all of them can be written so.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

impl Session {
    pub(crate) fn new(key: &str) -> Self {
        Self { key: key.to_owned(), id: uuid::Uuid::new_v4().to_string() }
    }

    /// A message that answers, or belongs to, the request with header `parent`.
    pub(crate) fn message(&self, parent: &Value, content: &Content) -> Message {
        let (kind, content) = content.parts();
        let header = Header {
            msg_id: uuid::Uuid::new_v4().to_string(),
            session: &self.id,
            username: "kernel",
            date: utc_now(),
            msg_type: &kind,
            version: PROTOCOL,
        };
        let empty = || Value::Object(Map::new());
        Message {
            identities: Vec::new(),
            header: json(&header),
            parent_header: if parent.is_null() { empty() } else { parent.clone() },
            metadata: empty(),
            content,
            buffers: Vec::new(),
        }
    }

    /// The reply to a request, addressed to its sender.
    pub(crate) fn reply(&self, request: &Message, content: &Content) -> Message {
        let mut reply = self.message(&request.header, content);
        reply.identities.clone_from(&request.identities);
        reply
    }

    /// Reads frames.
    ///
    /// # Errors
    /// If the message is malformed or its signature is wrong.
    pub(crate) fn decode(&self, frames: ZmqMessage) -> Result<Message> {
        let frames: Vec<Vec<u8>> = frames.into_vec().iter().map(|frame| frame.to_vec()).collect();
        let at = frames
            .iter()
            .position(|frame| frame == DELIMITER)
            .context("a message without <IDS|MSG>")?;
        let [signature, parts @ ..] = &frames[at + 1..] else {
            bail!("a message without a signature")
        };
        ensure!(parts.len() >= 4, "a message of {} parts, not 4", parts.len());
        if !self.key.is_empty() {
            let signature =
                hex::decode(signature).context("a signature that is no hexadecimal number")?;
            // Compares in constant time.
            self.mac(&parts[..4])?
                .verify_slice(&signature)
                .map_err(|_| anyhow::anyhow!("a message with a wrong signature was dropped"))?;
        }
        let part = |i: usize| {
            serde_json::from_slice(&parts[i])
                .with_context(|| format!("part {i} of a message is not JSON"))
        };
        Ok(Message {
            identities: frames[..at].to_vec(),
            header: part(0)?,
            parent_header: part(1)?,
            metadata: part(2)?,
            content: part(3)?,
            buffers: parts[4..].to_vec(),
        })
    }

    /// The message as frames, signed.
    pub(crate) fn frames(&self, message: &Message) -> Result<Vec<Vec<u8>>> {
        let parts = [&message.header, &message.parent_header, &message.metadata, &message.content]
            .map(|part| serde_json::to_vec(part).unwrap_or_default());
        let signature = if self.key.is_empty() {
            String::new()
        } else {
            hex::encode(self.mac(&parts)?.finalize().into_bytes())
        };
        let mut frames = message.identities.clone();
        frames.extend([DELIMITER.to_vec(), signature.into_bytes()]);
        frames.extend(parts);
        frames.extend(message.buffers.iter().cloned());
        Ok(frames)
    }

    pub(crate) fn encode(&self, message: &Message) -> Result<ZmqMessage> {
        let mut frames = self.frames(message)?.into_iter();
        let mut encoded = ZmqMessage::from(frames.next().unwrap_or_default());
        for frame in frames {
            encoded.push_back(frame.into());
        }
        Ok(encoded)
    }

    fn mac(&self, parts: &[Vec<u8>]) -> Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).context("the key")?;
        for part in parts {
            mac.update(part);
        }
        Ok(mac)
    }
}

/// The time as ISO 8601 in UTC (Hinnant's algorithm for the civil calendar).
fn utc_now() -> String {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z",
        now.subsec_micros()
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::protocol::Status;

    pub(crate) fn session(key: &str) -> Session {
        Session { key: key.to_owned(), id: "s".to_owned() }
    }

    #[test]
    fn messages_come_back_and_forged_ones_do_not() {
        let sender = session("secret");
        let mut message = sender.message(&Value::Null, &Content::Status(Status::Idle));
        message.identities = vec![b"peer".to_vec()];
        message.buffers = vec![vec![1, 2]];
        let frames = sender.encode(&message).unwrap();
        let back = sender.decode(frames.clone()).unwrap();
        assert_eq!((back.kind(), &back.content), ("status", &message.content));
        assert_eq!((back.identities, back.buffers), (message.identities, message.buffers));
        let error = session("other").decode(frames).unwrap_err().to_string();
        assert!(error.contains("signature"), "{error}");
        let junk = ZmqMessage::from("junk");
        assert!(sender.decode(junk).is_err());
    }

    #[test]
    fn the_time_is_a_date() {
        let now = utc_now();
        assert_eq!((now.len(), &now[10..11], &now[26..]), (27, "T", "Z"), "{now}");
        assert!(now.as_str() > "2025-01-01");
    }
}
