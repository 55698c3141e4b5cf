//! What went wrong in a cell, as one error with name, value and traceback.

use std::borrow::Cow;

use evcxr::Error;

use super::diagnostic::Diagnostic;
use super::render::render;
use crate::child::markers::CELLS;
use crate::child::panics::Panic;
use crate::output::FailedTry;
use crate::protocol::ErrorContent;
use crate::source::Sources;
use crate::source::map::Place;

/// The fields of an `error` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub ename: String,
    pub evalue: String,
    pub traceback: Vec<String>,
}

const RED: &str = "\x1b[31m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";
const LOST: &str = "All variables are lost; functions, types and crates are still there.";

impl Failure {
    pub(crate) fn new(ename: &str, evalue: &str, details: &[String]) -> Self {
        let evalue = &*without_frames(evalue);
        let mut traceback = vec![format!("{RED}{BOLD}{ename}{PLAIN}: {evalue}")];
        traceback.extend_from_slice(details);
        Self { ename: ename.to_owned(), evalue: evalue.to_owned(), traceback }
    }

    pub(crate) fn content(&self) -> ErrorContent {
        let Self { ename, evalue, traceback } = self.clone();
        ErrorContent { ename, evalue, traceback }
    }

    /// The user stopped the cell.
    pub(crate) fn interrupted(what: &str) -> Self {
        Self::new("Interrupted", what, &[])
    }

    /// A `?` that failed: the error says what, where and what to do.
    pub(crate) fn question_mark(failed: &FailedTry, sources: &Sources) -> Self {
        let text = failed.text.trim_end();
        let text = if text.is_empty() { "a `?` failed" } else { text };
        let place = failed.place.and_then(|(line, column)| sources.place(None, line, column));
        let details = place.map(|place| pointed(&place, &located(&place, "in", sources), sources));
        Self::new("Error", text, &details.unwrap_or_default())
    }

    /// A panic, with the lines of the cells from which it comes.
    pub(crate) fn panic(panic: &Panic, sources: &Sources) -> Self {
        let message =
            if panic.message.is_empty() { "a panic without a message" } else { &panic.message };
        Self::new("Panic", message, &traced(panic, sources))
    }

    /// The process of the cells is gone, maybe after a panic that could not be caught.
    pub(crate) fn ended(message: &str, panic: Option<&Panic>, sources: &Sources) -> Self {
        let status = message.trim().trim_start_matches("Subprocess terminated with status: ");
        let mut evalue = format!("the process of the cells ended: {status}");
        let mut details = Vec::new();
        if let Some(panic) = panic {
            evalue = format!(
                "{}; a panic in a destructor or in a function that C could call ends the process of \
                 the cells ({status})",
                panic.message
            );
            details.extend(traced(panic, sources));
        }
        details.push(LOST.to_owned());
        Self::new("ProcessEnded", &evalue, &details)
    }

    /// Code that did not compile.
    pub(crate) fn compilation(diagnostics: &[Diagnostic], sources: &Sources) -> Self {
        let drawn = diagnostics.iter().map(|it| render(it, sources));
        Self {
            ename: "CompileError".to_owned(),
            evalue: diagnostics.first().map_or_else(String::new, |first| first.message.clone()),
            traceback: drawn
                .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
                .collect(),
        }
    }

    /// What evcxr says of what it cannot do.
    pub(crate) fn evcxr(error: &Error) -> Self {
        Self::new("Error", error.to_string().trim(), &[])
    }

    /// An error with a line of a cell.
    pub(crate) fn at(ename: &str, evalue: &str, place: &Place, sources: &Sources) -> Self {
        Self::new(ename, evalue, &pointed(place, &located(place, "in", sources), sources))
    }
}

/// An error of C++ without the functions of libtorch and of this program that led to it: c10 appends them to its
/// message, and Rust's `Debug` writes them with `\n`.
fn without_frames(text: &str) -> Cow<'_, str> {
    for newline in ["\n", "\\n"] {
        let first = text.find(&format!("{newline}frame #0: "));
        if let Some(first) = first {
            let raised = text[..first].find(&format!("{newline}Exception raised from "));
            let rest = text.rsplit_once(newline).map_or("", |(_, rest)| rest);
            return Cow::Owned(format!(
                "{}{}",
                &text[..raised.unwrap_or(first)],
                rest.trim_start()
            ));
        }
    }
    Cow::Borrowed(text)
}

/// The lines from which a panic comes.
fn traced(panic: &Panic, sources: &Sources) -> Vec<String> {
    let trace = sources.trace(panic);
    let mut details = Vec::new();
    let is_elsewhere = panic.file != CELLS && !panic.file.is_empty();
    if is_elsewhere {
        details.push(format!("in the library, at {}:{}:{}", panic.file, panic.line, panic.column));
    }
    for (i, (place, function)) in trace.iter().enumerate() {
        let word = if i == 0 && !is_elsewhere { "in" } else { "called in" };
        // A function that was inlined away is at least known by where it stands.
        let title = || place.segment.and_then(|it| sources.map.segment(it).title.clone());
        let name = readable(function).or_else(|| title().map(|title| format!("`{title}`")));
        let head = match name {
            Some(name) => format!("{word} {name}, {}", located(place, "", sources).trim()),
            None => located(place, word, sources),
        };
        details.extend(pointed(place, &head, sources));
    }
    details
}

/// `in cell 3, line 2`.
fn located(place: &Place, word: &str, sources: &Sources) -> String {
    format!("{word} cell {}, line {}", sources.map.cell(place.cell).count, place.line)
}

/// A line of a cell with a caret below it.
fn pointed(place: &Place, head: &str, sources: &Sources) -> Vec<String> {
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let caret = " ".repeat(place.column.saturating_sub(1));
    let text = sources.map.line(place.cell, place.line);
    vec![
        format!("{head}:"),
        format!("{number} | {text}"),
        format!("{margin} | {caret}{RED}^{PLAIN}"),
    ]
}

/// A function as a user calls it; `None` for the cell itself.
fn readable(function: &str) -> Option<String> {
    let name = function.replace("ctx::", "");
    let (outer, is_closure) = match name.split_once("::{closure") {
        Some((outer, _)) => (outer, true),
        None => (name.as_str(), false),
    };
    // Functions defined within a cell's statements belong to the cell.
    let outer = outer.trim_start_matches("run_user_code");
    let outer = outer.trim_start_matches(|c: char| c == '_' || c.is_ascii_digit());
    let outer = outer.trim_start_matches("::");
    if outer.is_empty() || outer.starts_with('{') {
        return None;
    }
    Some(if is_closure { format!("a closure of `{outer}`") } else { format!("`{outer}`") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorchs_own_functions_are_left_out() {
        let frames = "Exception raised from view at View.cpp:1 (most recent call first):NLframe #0: a (0x1)NLframe #1: b (0x2)NL";
        for (text, expected) in [
            (format!("value: Torch(\"no viewNL{frames}\")"), "value: Torch(\"no view\")"),
            (format!("no viewNL{frames}"), "no view"),
            ("Torch(\"no memoryNLframe #0: a (0x1)NL\")".to_owned(), "Torch(\"no memory\")"),
            ("Exception raised from nowhere".to_owned(), "Exception raised from nowhere"),
        ] {
            for newline in ["\n", "\\n"] {
                assert_eq!(without_frames(&text.replace("NL", newline)), expected);
            }
        }
    }

    #[test]
    fn functions_are_called_by_their_names() {
        assert_eq!(readable("loss").unwrap(), "`loss`");
        assert_eq!(
            readable("<ctx::Net as ctx::Layer>::forward").unwrap(),
            "`<Net as Layer>::forward`"
        );
        assert_eq!(readable("train::{closure#0}").unwrap(), "a closure of `train`");
        assert_eq!(readable("run_user_code_12::{closure#0}"), None);
        assert_eq!(readable("run_user_code_12::inner").unwrap(), "`inner`");
        assert_eq!(readable(""), None);
    }

    #[test]
    fn a_panic_elsewhere_names_the_file() {
        let panic = Panic {
            file: "/x/tch.rs".into(),
            line: 3,
            column: 5,
            message: "no".into(),
            frames: vec![],
        };
        let failure = Failure::panic(&panic, &Sources::default());
        assert_eq!((failure.ename.as_str(), failure.evalue.as_str()), ("Panic", "no"));
        assert_eq!(failure.traceback[1], "in the library, at /x/tch.rs:3:5");
        let failure = Failure::panic(&Panic::default(), &Sources::default());
        assert_eq!(failure.evalue, "a panic without a message");
    }
}
