//! Taking apart what cells print: text, evcxr's markers, displays.

use memchr::memmem;

use crate::child::markers::{CLOSE, END, FIELD, NOT_RUN, OPEN};

const PANIC: &[u8] = b"EVCXR_PANIC_NOTIFICATION\n";
const ERROR: &[u8] = b"EVCXR_ERROR_OCCURRED\n";
const CHANGED: &[u8] = b"EVCXR_VARIABLE_CHANGED_TYPE:";
const INPUT: &[u8] = b"EVCXR_INPUT_REQUEST";
const BEGIN_CONTENT: &[u8] = b"EVCXR_BEGIN_CONTENT ";
/// Ends a rich output; the end of the line belongs to it, if there is one.
const END_CONTENT: &[u8] = b"\nEVCXR_END_CONTENT";
/// Begins a marker of this kernel.
const OWN: &[u8] = OPEN.as_bytes();
/// A marker that is longer is text.
const LONGEST_MARKER: usize = 16 << 20;
/// A rich output that is longer is shown as text.
const LONGEST_CONTENT: usize = 64 << 20;

/// One piece of a cell's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Text(String),
    /// The cell in this library begins to run.
    Start(String),
    /// The cell is compiled, and does not run.
    NotRun,
    /// Nothing more comes from this cell.
    End,
    /// evcxr's marker of a panic.
    Panic,
    /// evcxr's marker of a failed `?`.
    Error,
    /// evcxr's marker of a variable whose type has changed, the whole line.
    Changed(String),
    /// A question to the user.
    Input {
        prompt: String,
        password: bool,
    },
    /// The cell waits for input, having read so many bytes before.
    Waits(u64),
    /// What is shown next is the value of the cell.
    Value,
    /// Rich output of a MIME type.
    Content {
        mime: String,
        body: String,
    },
    /// Thread, frames, file, line, column and message of a panic.
    PanicFrame(Vec<String>),
    /// File, line and column of a `?` that failed; its text follows.
    ErrorAt(Vec<String>),
    /// The line of a `return` that ended the cell, and the variables it has kept.
    Returned(Vec<String>),
}

/// Finds the tokens in a stream of bytes; markers are found even within a line.
#[derive(Default)]
pub(crate) struct Tokenizer {
    bytes: Vec<u8>,
    /// What comes before was given out.
    start: usize,
    /// How far the end of an unfinished content has been looked for.
    searched: usize,
}

/// What a marker at the beginning of the bytes turned out to be.
enum Match {
    /// The token, and how many bytes it takes.
    Token(Token, usize),
    Unfinished,
    Not,
}

impl Tokenizer {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // What was given out goes once for many tokens, not for each.
        self.bytes.drain(..self.start);
        self.searched = self.searched.saturating_sub(self.start);
        self.start = 0;
        if self.bytes.is_empty() {
            // A large picture is not kept.
            self.bytes.shrink_to(bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next token that is complete.
    pub(crate) fn next(&mut self) -> Option<Token> {
        let mut from = self.start;
        loop {
            let Some(at) = memchr::memchr2(OWN[0], b'E', &self.bytes[from..]) else {
                return self.text(self.bytes.len());
            };
            let at = from + at;
            match self.marker(at) {
                Match::Not => from = at + 1,
                Match::Unfinished => return self.text(at),
                Match::Token(..) if at > self.start => return self.text(at),
                Match::Token(token, length) => {
                    self.start += length;
                    return Some(token);
                }
            }
        }
    }

    /// Everything that is left, at the end of the stream.
    pub(crate) fn rest(&mut self) -> Option<Token> {
        let bytes = std::mem::take(&mut self.bytes);
        let rest = &bytes[std::mem::take(&mut self.start)..];
        (!rest.is_empty()).then(|| Token::Text(String::from_utf8_lossy(rest).into_owned()))
    }

    /// Takes the bytes up to `end` as text, but for a character that is not complete yet.
    fn text(&mut self, end: usize) -> Option<Token> {
        let text = &self.bytes[self.start..end];
        let complete = match std::str::from_utf8(text) {
            Err(error) if error.error_len().is_none() && end == self.bytes.len() => {
                error.valid_up_to()
            }
            _ => text.len(),
        };
        if complete == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&text[..complete]).into_owned();
        self.start += complete;
        Some(Token::Text(text))
    }

    fn marker(&mut self, at: usize) -> Match {
        let bytes = &self.bytes[at..];
        for (marker, token) in [(PANIC, Token::Panic), (ERROR, Token::Error)] {
            match begins(bytes, marker) {
                Some(true) => return Match::Token(token, marker.len()),
                Some(false) => return Match::Unfinished,
                None => {}
            }
        }
        for marker in [CHANGED, INPUT, BEGIN_CONTENT, OWN] {
            match begins(bytes, marker) {
                None => continue,
                Some(false) => return Match::Unfinished,
                Some(true) if marker == OWN => return own(bytes),
                Some(true) => {}
            }
            let Some(end) = bytes.iter().position(|&b| b == b'\n') else {
                return Match::Unfinished;
            };
            let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let token = if marker == CHANGED {
                Token::Changed(line)
            } else if marker == INPUT {
                let (command, prompt) = line.split_once(':').unwrap_or((&line, ""));
                let password = command.ends_with("_PASSWORD");
                Token::Input { prompt: prompt.to_owned(), password }
            } else {
                return self.content(at, end);
            };
            return Match::Token(token, end + 1);
        }
        Match::Not
    }

    /// The content whose first line ends at `end`, counted from `at`.
    fn content(&mut self, at: usize, end: usize) -> Match {
        let start = at + end;
        let from = start.max(self.searched.saturating_sub(END_CONTENT.len()));
        let Some(found) = memmem::find(&self.bytes[from..], END_CONTENT) else {
            self.searched = self.bytes.len();
            // A content without an end must hide neither the end of the cell nor all that follows.
            let ends = memmem::find(&self.bytes[from..], END.as_bytes()).is_some();
            return if ends || self.bytes.len() - at > LONGEST_CONTENT {
                Match::Not
            } else {
                Match::Unfinished
            };
        };
        let stop = from + found;
        let length = match self.bytes.get(stop + END_CONTENT.len()) {
            Some(b'\n') => END_CONTENT.len() + 1,
            Some(_) => END_CONTENT.len(),
            None => return Match::Unfinished,
        };
        let text = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&self.bytes[range]).into_owned()
        };
        let mime = text(at + BEGIN_CONTENT.len()..start).trim().to_owned();
        let body = text((start + 1).min(stop)..stop);
        Match::Token(Token::Content { mime, body }, stop + length - at)
    }
}

/// `Some(true)` if `bytes` begin with `marker`, `Some(false)` if they may do so when more comes.
fn begins(bytes: &[u8], marker: &[u8]) -> Option<bool> {
    let common = bytes.len().min(marker.len());
    (bytes[..common] == marker[..common]).then_some(bytes.len() >= marker.len())
}

/// A marker of this kernel.
fn own(bytes: &[u8]) -> Match {
    let body = &bytes[OWN.len()..];
    let Some(end) = memchr::memchr(CLOSE as u8, body) else {
        return if body.len() > LONGEST_MARKER { Match::Not } else { Match::Unfinished };
    };
    let text = String::from_utf8_lossy(&body[..end]);
    let (name, rest) = text.split_once(FIELD).unwrap_or((&text, ""));
    let fields = |n| rest.splitn(n, FIELD).map(str::to_owned).collect();
    let token = match name {
        "START" => Token::Start(rest.to_owned()),
        "END" => Token::End,
        "VALUE" => Token::Value,
        NOT_RUN => Token::NotRun,
        // The message comes last and may hold anything.
        "PANIC" => Token::PanicFrame(fields(6)),
        "ERROR" => Token::ErrorAt(fields(3)),
        "RETURN" => Token::Returned(fields(2)),
        "READ" => Token::Waits(rest.parse().unwrap_or(0)),
        _ => return Match::Not,
    };
    Match::Token(token, OWN.len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a text that arrives in pieces of `size` bytes, adjacent texts joined.
    fn tokens(text: &[u8], size: usize) -> Vec<Token> {
        let (mut tokenizer, mut tokens) = (Tokenizer::default(), Vec::new());
        for piece in text.chunks(size) {
            tokenizer.push(piece);
            while let Some(token) = tokenizer.next() {
                match (tokens.last_mut(), token) {
                    (Some(Token::Text(before)), Token::Text(text)) => before.push_str(&text),
                    (_, token) => tokens.push(token),
                }
            }
        }
        if let Some(Token::Text(text)) = tokenizer.rest() {
            match tokens.last_mut() {
                Some(Token::Text(before)) => before.push_str(&text),
                _ => tokens.push(Token::Text(text)),
            }
        }
        tokens
    }

    #[test]
    fn markers_are_found_wherever_they_are_and_however_they_arrive() {
        let text = format!(
            "\u{1}TWOVIEWS-START\u{2}/a/libcode_1.so\u{1}EVCX é EVCXR_\nabc{}EVCXR_BEGIN_CONTENT text/html\n<b>\nö</b>\nEVCXR_END_CONTENT\n\
             \u{1}TWOVIEWS-VALUE\u{1}xEVCXR_INPUT_REQUEST_PASSWORD:who? \nEVCXR_VARIABLE_CHANGED_TYPE:a\nPEVCXR_PANIC_NOTIFICATION\n{END}tail",
            "EVCXR_ERROR_OCCURRED\n"
        );
        let expected = vec![
            Token::Start("/a/libcode_1.so".into()),
            Token::Text("EVCX é EVCXR_\nabc".into()),
            Token::Error,
            Token::Content { mime: "text/html".into(), body: "<b>\nö</b>".into() },
            Token::Value,
            Token::Text("x".into()),
            Token::Input { prompt: "who? ".into(), password: true },
            Token::Changed("EVCXR_VARIABLE_CHANGED_TYPE:a".into()),
            Token::Text("P".into()),
            Token::Panic,
            Token::End,
            Token::Text("tail".into()),
        ];
        for size in [1, 2, 3, 7, 64, 10_000] {
            assert_eq!(tokens(text.as_bytes(), size), expected, "{size}");
        }
    }

    #[test]
    fn a_panic_frame_has_six_fields_and_bad_text_is_shown() {
        let frame =
            "\u{1}TWOVIEWS-PANIC\u{2}\u{2}1 f\u{2}src/lib.rs\u{2}3\u{2}7\u{2}no\u{2}way\u{1}";
        let fields = ["", "1 f", "src/lib.rs", "3", "7", "no\u{2}way"].map(str::to_owned).to_vec();
        assert_eq!(tokens(frame.as_bytes(), 5), [Token::PanicFrame(fields)]);
        assert_eq!(tokens(b"a\xffb", 1), [Token::Text("a\u{fffd}b".into())]);
        let empty = b"EVCXR_BEGIN_CONTENT text/plain\n\nEVCXR_END_CONTENT\n";
        let content = Token::Content { mime: "text/plain".into(), body: String::new() };
        assert_eq!(tokens(empty, 4), [content]);
        let waits = "name? \u{1}TWOVIEWS-READ\u{2}12\u{1}";
        let expected = [Token::Text("name? ".into()), Token::Waits(12)];
        assert_eq!(tokens(waits.as_bytes(), 3), expected);
        let other = "\u{1}TWOVIEWS-\u{1} \u{1}TWOVIEWS-ERROR\u{2}a\u{2}1\u{2}2\u{1}";
        let place = Token::ErrorAt(["a", "1", "2"].map(str::to_owned).to_vec());
        let text = Token::Text("\u{1}TWOVIEWS-\u{1} ".into());
        assert_eq!(tokens(other.as_bytes(), 4), [text, place]);
    }

    #[test]
    fn a_content_ends_with_or_without_its_line() {
        let text = format!("EVCXR_BEGIN_CONTENT text/html\na\nEVCXR_END_CONTENT{END}");
        let content = Token::Content { mime: "text/html".into(), body: "a".into() };
        for size in [1, 5, 1000] {
            assert_eq!(tokens(text.as_bytes(), size), [content.clone(), Token::End]);
        }
    }

    #[test]
    fn a_content_without_an_end_hides_nothing() {
        let text = format!("EVCXR_BEGIN_CONTENT text/plain\nlost{END}next");
        let shown = Token::Text("EVCXR_BEGIN_CONTENT text/plain\nlost".into());
        for size in [1, 5, 1000] {
            assert_eq!(
                tokens(text.as_bytes(), size),
                [shown.clone(), Token::End, Token::Text("next".into())]
            );
        }
    }

    #[test]
    fn large_outputs_take_linear_time() {
        // 40 MB: quadratic work would take minutes.
        let picture = format!(
            "EVCXR_BEGIN_CONTENT image/png\n{}\nEVCXR_END_CONTENT\n",
            "E".repeat(20_000_000)
        );
        assert_eq!(tokens(picture.as_bytes(), 65_536).len(), 1);
        let lines = "EVCXR and some more text\n".repeat(800_000);
        assert_eq!(tokens(lines.as_bytes(), 65_536), [Token::Text(lines)]);
    }
}
