//! What went wrong in a cell, as one error with name, value and traceback.

use ariadne::sources;
use evcxr::{CompilationError, Error, Theme};
use serde_json::{Value, json};

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

impl Failure {
    pub(crate) fn new(ename: &str, evalue: &str, details: &[String]) -> Self {
        let mut traceback = vec![format!("{RED}{BOLD}{ename}{PLAIN}: {evalue}")];
        traceback.extend_from_slice(details);
        Self { ename: ename.to_owned(), evalue: evalue.to_owned(), traceback }
    }

    pub(crate) fn content(&self) -> Value {
        json!({"ename": self.ename, "evalue": self.evalue, "traceback": self.traceback})
    }

    /// The reader stopped the cell.
    pub(crate) fn interrupted(what: &str) -> Self {
        Self::new("Interrupted", what, &[])
    }

    /// A `?` that failed: the error says what, where and what to do.
    pub(crate) fn question_mark(text: &str) -> Self {
        let text = text.trim_end();
        let text = if text.is_empty() { "a `?` failed" } else { text };
        Self::new("Error", text, &[])
    }

    /// A panic, with the line of the cell (or of an earlier one) in which it happened.
    ///
    /// `frame` is file, line, column and message; `source` is the file that evcxr made of all cells.
    pub(crate) fn panic(frame: &[String], cell: &str, source: &str) -> Self {
        let field = |i: usize| frame.get(i).map(String::as_str).unwrap_or_default();
        let (file, message) = (field(0), field(3));
        let (line, column): (usize, usize) =
            (field(1).parse().unwrap_or(0), field(2).parse().unwrap_or(1));
        let mut details = Vec::new();
        if file == "src/lib.rs" && line > 0 {
            if let Some(text) = source.lines().nth(line - 1) {
                // evcxr gives each statement a line of its own, also where a cell's line has several.
                let part = text.trim();
                let place =
                    cell.lines().enumerate().find_map(|(i, line)| Some((i, line.find(part)?)));
                let indent = text.len() - text.trim_start().len();
                let (name, number, text, offset) = match place {
                    Some((i, at)) => {
                        let line = cell.lines().nth(i).unwrap_or(text);
                        ("this cell", (i + 1).to_string(), line, column + at - indent.min(column))
                    }
                    None => ("an earlier cell", "?".to_owned(), text, column),
                };
                let margin = " ".repeat(number.len());
                let caret = " ".repeat(offset.saturating_sub(1));
                details.push(format!("in {name}:"));
                details.push(format!("{number} | {text}"));
                details.push(format!("{margin} | {caret}{RED}^{PLAIN}"));
            }
        } else if !file.is_empty() {
            details.push(format!("in the library, at {file}:{line}:{column}"));
        }
        Self::new(
            "Panic",
            if message.is_empty() { "a panic without a message" } else { message },
            &details,
        )
    }

    /// What evcxr says of code that did not compile or of a process that ended.
    pub(crate) fn evcxr(error: &Error, cell: &str, count: i64) -> Self {
        match error {
            Error::CompilationErrors(errors) => Self::compilation(errors, cell, count),
            Error::SubprocessTerminated(message) => {
                let status =
                    message.trim().trim_start_matches("Subprocess terminated with status: ");
                let evalue = format!("the process of the cells ended: {status}");
                let lost = "All variables are lost; functions, types and crates are still there.";
                Self::new("ProcessEnded", &evalue, &[lost.to_owned()])
            }
            other => Self::new("Error", other.to_string().trim(), &[]),
        }
    }

    fn compilation(errors: &[CompilationError], cell: &str, count: i64) -> Self {
        let first = errors.first().map_or_else(String::new, CompilationError::message);
        let ename = "CompileError";
        let mut traceback = Vec::new();
        for error in errors {
            traceback.extend(one(error, cell, &format!("cell {count}")));
        }
        if traceback.is_empty() {
            traceback.push(format!("{RED}{BOLD}{ename}{PLAIN}: {first}"));
        }
        Self { ename: ename.to_owned(), evalue: first, traceback }
    }
}

/// One compile error: with marked source where evcxr knows it, and the compiler's help.
fn one(error: &CompilationError, cell: &str, name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let report = error
        .is_from_user_code()
        .then(|| error.build_report(name.to_owned(), cell.to_owned(), Theme::Light))
        .flatten();
    let mut drawn = Vec::new();
    let written = report
        .map(|report| report.write(sources([(name.to_owned(), cell.to_owned())]), &mut drawn));
    if matches!(written, Some(Ok(()))) {
        lines.extend(String::from_utf8_lossy(&drawn).lines().map(str::to_owned));
    } else {
        lines.push(format!("{RED}{BOLD}error{PLAIN}: {}", error.message()));
        for spanned in error.spanned_messages() {
            lines.extend(spanned.lines.iter().cloned());
            if let Some(span) = &spanned.span {
                let (start, end) = (span.start_column.max(1), span.end_column);
                let carets = "^".repeat(end.saturating_sub(start).max(1));
                lines.push(format!(
                    "{}{RED}{carets}{PLAIN} {}",
                    " ".repeat(start - 1),
                    spanned.label
                ));
            }
        }
    }
    lines.extend(error.help().into_iter().map(|help| format!("{BOLD}help{PLAIN}: {help}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_points_into_the_cell() {
        let frame = ["src/lib.rs", "3", "5", "no"].map(str::to_owned);
        let failure =
            Failure::panic(&frame, "let a = 1;\nf(a).unwrap();", "generated\n\nf(a).unwrap();\n");
        assert_eq!((failure.ename.as_str(), failure.evalue.as_str()), ("Panic", "no"));
        assert_eq!(failure.traceback[1..3], ["in this cell:", "2 | f(a).unwrap();"]);
        let frame = ["src/lib.rs", "1", "1", "p"].map(str::to_owned);
        let failure = Failure::panic(&frame, "a(); panic!()", "panic!()");
        assert_eq!(failure.traceback[2], "1 | a(); panic!()");
        assert_eq!(failure.traceback[3], format!("  |      {RED}^{PLAIN}"));
        let library = ["/x/tch.rs", "3", "5", "no"].map(str::to_owned);
        let failure = Failure::panic(&library, "", "");
        assert_eq!(failure.traceback[1], "in the library, at /x/tch.rs:3:5");
        assert_eq!(Failure::panic(&[], "", "").evalue, "a panic without a message");
    }
}
