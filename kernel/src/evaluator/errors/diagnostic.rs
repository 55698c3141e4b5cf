//! What the compiler says of cells, in the cells' own lines.
//!
//! rustc's diagnostics name places in the file that evcxr made of all cells. Here they are read
//! ([`Diagnostic`]), each place is led back to its cell, and drawn as rustc draws them ([`render`](super::render)).

use serde_json::Value;

use crate::build::cargo::Diagnostics;
use crate::child::markers::CELLS;
use crate::source::Sources;
use crate::source::map::{Build, Place};

/// How an import begins.
pub(super) const IMPORT: &str = "use ";

/// One error, warning, note or help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub level: String,
    pub message: String,
    pub code: Option<String>,
    pub spans: Vec<Span>,
    pub children: Vec<Diagnostic>,
    /// The line of the compiled file, where that is none of a cell's.
    pub generated: Option<String>,
}

/// A place of which a diagnostic speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub is_primary: bool,
    pub label: Option<String>,
    pub replacement: Option<String>,
    /// Where it begins and ends, if it is in a cell.
    pub cell: Option<(Place, Place)>,
    /// File, line and column, if it is in another file.
    pub file: Option<(String, usize, usize)>,
}

/// Whose code an error is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The present cell.
    Cell,
    /// What the kernel has put into the present cell.
    Inserted,
    /// A segment of an earlier cell.
    Earlier(usize),
    /// What evcxr has written, or another file.
    Other,
}

impl Diagnostic {
    /// The span that matters most.
    pub(crate) fn primary(&self) -> Option<&Span> {
        let primary = || self.spans.iter().filter(|span| span.is_primary);
        primary().find(|span| span.cell.is_some()).or_else(|| primary().next())
    }

    pub(crate) fn owner(&self, cell: usize) -> Owner {
        match self.primary().and_then(|span| span.cell.as_ref()) {
            Some((place, _)) if place.cell == cell && place.is_inserted => Owner::Inserted,
            Some((place, _)) if place.cell == cell => Owner::Cell,
            Some((place, _)) => place.segment.map_or(Owner::Other, Owner::Earlier),
            None => Owner::Other,
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.level.starts_with("error")
    }

    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether it or what goes with it speaks of a name.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.names().any(|it| it == name) || self.children.iter().any(|it| it.mentions(name))
    }

    /// Whether all that it would insert are imports.
    pub(crate) fn proposes_import(&self) -> bool {
        let mut texts = self.spans.iter().filter_map(|span| span.replacement.as_deref()).peekable();
        texts.peek().is_some() && texts.all(|text| text.trim_start().starts_with(IMPORT))
    }

    /// What stands between backticks.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.message.split('`').skip(1).step_by(2)
    }

    /// The first name between backticks.
    pub(crate) fn named(&self) -> Option<&str> {
        self.names().next()
    }
}

/// Reads diagnostics; those that only count others are left out.
pub(crate) fn read(diagnostics: &Diagnostics, sources: &Sources) -> Vec<Diagnostic> {
    let build = sources.map.build(&diagnostics.source);
    let all = diagnostics.messages.iter().map(|it| one(it, &build, diagnostics, sources));
    let counts = |it: &Diagnostic| {
        it.message.starts_with("aborting due to")
            || it.message.starts_with("For more information about")
            || it.message.starts_with("Some errors have detailed")
            || it.level == "failure-note"
            || it.message.ends_with(" emitted")
    };
    all.filter(|it| !counts(it)).collect()
}

fn one(json: &Value, build: &Build, all: &Diagnostics, sources: &Sources) -> Diagnostic {
    let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
    let spans: Vec<Span> = list("spans").iter().map(|it| span(it, build, sources)).collect();
    let lines: Vec<usize> = list("spans")
        .iter()
        .filter(|it| it["is_primary"] == true && is_cells(it))
        .filter_map(|it| Some(it["line_start"].as_u64()? as usize))
        .collect();
    let generated = lines.first().and_then(|line| all.source.lines().nth(line.checked_sub(1)?));
    let is_in_no_cell = spans.iter().filter(|it| it.is_primary).all(|it| it.cell.is_none());
    Diagnostic {
        level: json["level"].as_str().unwrap_or_default().to_owned(),
        message: readable(json["message"].as_str().unwrap_or_default()),
        code: json["code"]["code"].as_str().map(str::to_owned),
        children: list("children").iter().map(|it| one(it, build, all, sources)).collect(),
        generated: generated.filter(|_| is_in_no_cell).map(str::to_owned),
        spans,
    }
}

fn is_cells(span: &Value) -> bool {
    span["file_name"].as_str().is_some_and(|file| file == CELLS)
}

fn span(json: &Value, build: &Build, sources: &Sources) -> Span {
    // A place in a macro's own file is less of use than that where the macro was called.
    let mut at = json;
    while !is_cells(at) && at["expansion"]["span"].is_object() {
        at = &at["expansion"]["span"];
    }
    let at = if is_cells(at) { at } else { json };
    let number = |key: &str| at[key].as_u64().unwrap_or(1) as usize;
    let (line, column) = (number("line_start"), number("column_start"));
    let place = |line, column| sources.map.place(build, line, column);
    let cell = || {
        let (mut start, end) =
            (place(line, column)?, place(number("line_end"), number("column_end"))?);
        // What rustc would insert between the user's text and the kernel's follows the user's.
        if start.is_inserted && start == end && column > 1 {
            start.is_inserted = place(line, column - 1)?.is_inserted;
        }
        Some((start, end))
    };
    let file = at["file_name"].as_str().unwrap_or_default().to_owned();
    let text = |key: &str| json[key].as_str().map(readable);
    Span {
        is_primary: json["is_primary"].as_bool().unwrap_or(false),
        label: text("label"),
        replacement: json["suggested_replacement"].as_str().map(str::to_owned),
        cell: if is_cells(at) { cell() } else { None },
        file: (!is_cells(at)).then_some((file, line, column)),
    }
}

/// rustc's words without what only the compiled file knows.
fn readable(message: &str) -> String {
    let mut text = message.replace("`evcxr_variable_store`", "the end of the cell");
    // `{closure@src/lib.rs:3:4: 3:7}`
    while let Some(at) = text.find("@src/lib.rs:") {
        let end = text[at..].find('}').map_or(text.len(), |end| at + end);
        text.replace_range(at..end, "");
    }
    // In a notebook there is no Cargo.toml.
    if let Some((before, rest)) = text.split_once("use `cargo add ")
        && let Some((name, after)) = rest.split_once("` to add it to your `Cargo.toml`")
    {
        text = format!("{before}write `:dep {name} = \"*\"` before{after}");
    }
    text.replace("EvcxrUserCodeError", "the error of the cell")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_macros_place_is_where_it_was_called() {
        let call = json!({"file_name": CELLS, "line_start": 1, "column_start": 1, "line_end": 1, "column_end": 2});
        let inner = json!({"file_name": "/rustc/macros.rs", "line_start": 9, "column_start": 9,
            "is_primary": true, "expansion": {"span": call}});
        let message =
            json!({"level": "error", "message": "no", "spans": [inner], "code": {"code": "E0277"}});
        let all = Diagnostics {
            source: "x".to_owned(),
            messages: vec![message, json!({"message": "aborting due to 1 error"})],
        };
        let read = read(&all, &Sources::default());
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].spans[0].file.as_ref(), read[0].has_code(&["E0277"])), (None, true));
        assert_eq!(read[0].owner(0), Owner::Other);
    }

    #[test]
    fn messages_do_not_name_the_compiled_file() {
        assert_eq!(readable("`{closure@src/lib.rs:3:4: 3:7}` no"), "`{closure}` no");
        let add = "if you wanted `a`, use `cargo add a` to add it to your `Cargo.toml`";
        assert_eq!(readable(add), "if you wanted `a`, write `:dep a = \"*\"` before");
        assert_eq!(readable("found `evcxr_variable_store`"), "found the end of the cell");
    }
}
