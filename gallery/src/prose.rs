//! Numbers in a lesson's prose that a run has produced. The notebook holds what its author saw, between marks:
//!
//! `<!-- run: seconds CELL -->three minutes<!-- /run -->`
//!
//! and the gallery puts there what the run has given: `seconds` the time of a cell or, without one, of the
//! lesson; `memory` the most that its cells held; `cores` how many processors it had; `after CELL TEXT` what a
//! cell has printed behind TEXT, up to the next space. Jupyter shows none of the marks.

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::lessons::lesson::{cells, id, source, text};

use crate::execution::Execution;

const BEGIN: &str = "<!-- run:";
const CLOSE: &str = "-->";
const END: &str = "<!-- /run -->";

/// The text with the run's values between the marks, which stay.
pub(crate) fn filled(prose: &str, execution: &Execution) -> Result<String> {
    let mut out = String::new();
    let mut rest = prose;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (asked, after) = after.split_once(CLOSE).context("`<!-- run:` without `-->`")?;
        let (_, after) = after
            .split_once(END)
            .with_context(|| format!("`<!-- run:{asked}-->` without `{END}`"))?;
        let found = value(asked, execution).with_context(|| format!("`<!-- run:{asked}-->`"))?;
        out += &format!("{before}{BEGIN}{asked}{CLOSE}{found}{END}");
        rest = after;
    }
    Ok(out + rest)
}

/// The text without marks.
pub(crate) fn unmarked(prose: &str) -> String {
    let mut parts = prose.split(BEGIN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out += part.split_once(CLOSE).map_or(part, |(_, after)| after);
    }
    out.replace(END, "")
}

/// What a mark asks of a run.
enum Asked<'a> {
    Seconds(Option<&'a str>),
    Memory,
    Cores,
    After(&'a str, &'a str),
}

impl<'a> Asked<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.trim().splitn(3, ' ').map(str::trim);
        match (words.next()?, words.next(), words.next()) {
            ("seconds", cell, None) => Some(Self::Seconds(cell)),
            ("memory", None, None) => Some(Self::Memory),
            ("cores", None, None) => Some(Self::Cores),
            ("after", Some(cell), Some(label)) => Some(Self::After(cell, label)),
            _ => None,
        }
    }

    /// The cell that it names.
    fn cell(&self) -> Option<&'a str> {
        match *self {
            Self::Seconds(cell) => cell,
            Self::After(cell, _) => Some(cell),
            Self::Memory | Self::Cores => None,
        }
    }
}

fn value(asked: &str, execution: &Execution) -> Result<String> {
    let run = &execution.run;
    let asked = Asked::parse(asked)
        .context("there are `seconds`, `seconds CELL`, `memory`, `cores` and `after CELL TEXT`")?;
    match asked {
        Asked::Seconds(None) => Ok(duration(run["seconds"].as_f64())),
        Asked::Seconds(Some(id)) => {
            let mut cells = run["cells"].as_array().into_iter().flatten();
            let cell = cells.find(|cell| cell["id"] == id);
            let cell = cell.with_context(|| format!("the run has no cell {id}"))?;
            Ok(duration(cell["seconds"].as_f64()))
        }
        Asked::Memory => Ok(match run["memory_mb"]["cells"].as_f64() {
            Some(megabytes) => format!("{megabytes:.0} MB"),
            None => "not measured".to_owned(),
        }),
        Asked::Cores => Ok(run["machine"]["cores"].to_string()),
        Asked::After(id, label) => {
            let printed = printed(&execution.notebook, id)?;
            let (_, behind) = printed
                .split_once(label)
                .with_context(|| format!("the cell {id} has not printed {label:?}"))?;
            let found = behind.split_whitespace().next().unwrap_or_default();
            Ok(found.trim_end_matches([',', ';', ':', '.', ')']).to_owned())
        }
    }
}

/// What a cell has printed.
fn printed(notebook: &Value, id: &str) -> Result<String> {
    let cell = cells(notebook)
        .iter()
        .find(|cell| cell["id"] == id)
        .with_context(|| format!("no cell {id}"))?;
    let outputs = cell["outputs"].as_array().into_iter().flatten();
    Ok(outputs.filter(|it| it["output_type"] == "stream").map(|it| text(&it["text"])).collect())
}

/// A time in words.
pub(crate) fn duration(seconds: Option<f64>) -> String {
    match seconds {
        None => "not measured".to_owned(),
        Some(seconds) if seconds < 59.95 => format!("{seconds:.1} s"),
        Some(seconds) => {
            let whole = seconds.round() as u64;
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
    }
}

/// What is wrong with the prose of a stored lesson: marks of cells that it does not have, and numbers that look
/// as if a run had produced them, outside of marks, formulas and code.
pub(crate) fn faults(notebook: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let cells = cells(notebook);
    for cell in cells.iter().filter(|cell| cell["cell_type"] == "markdown") {
        let (id, prose) = (id(cell), source(cell));
        // Such a line begins a block of HTML, in which Jupyter reads no Markdown.
        if prose.lines().any(|line| line.trim_start().starts_with(BEGIN)) {
            faults.push(format!("{id}: a line begins with a mark: begin it with a word"));
        }
        let mut plain = String::new();
        for (i, part) in prose.split(BEGIN).enumerate() {
            let Some((asked, after)) = part.split_once(CLOSE).filter(|_| i > 0) else {
                plain += part;
                continue;
            };
            let is_there =
                |name| cells.iter().any(|it| it["cell_type"] == "code" && it["id"] == name);
            let fault = match Asked::parse(asked).map(|asked| asked.cell()) {
                None => Some("is not known"),
                Some(named) => {
                    named.filter(|name| !is_there(*name)).map(|_| "names no cell of code")
                }
            };
            faults.extend(fault.map(|fault| format!("{id}: the mark `run:{asked}` {fault}")));
            match after.split_once(END) {
                Some((_, after)) => plain += after,
                None => faults.push(format!("{id}: the mark `run:{asked}` has no end")),
            }
        }
        // Formulas and code stand at odd places.
        let plain = plain.replace("$$", "$").replace("```", "`");
        let words = plain.split(['$', '`']).step_by(2).flat_map(str::split_whitespace);
        for word in words {
            let number = word.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '.');
            let number = number.trim_end_matches(|c: char| !c.is_ascii_digit());
            if number.rsplit_once('.').is_some_and(|(whole, decimals)| {
                decimals.len() >= 3
                    && whole.bytes().chain(decimals.bytes()).all(|it| it.is_ascii_digit())
                    && !word.contains(':')
            }) {
                faults.push(format!("{id}: {word} looks as if a run had produced it: mark it"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn execution() -> Execution {
        let outputs =
            json!([{"output_type": "stream", "text": ["one\n", "mean +0.012, error 3\n"]}]);
        let cells = json!([{"cell_type": "code", "id": "c", "source": "", "outputs": outputs}]);
        let run = json!({"seconds": 125.2, "cells": [{"id": "c", "seconds": 3.04}],
            "machine": {"cores": 2}, "memory_mb": {"cells": 512}});
        Execution { notebook: json!({"cells": cells}), run, drawings: Vec::new() }
    }

    #[test]
    fn what_stands_between_marks_comes_from_the_run() {
        let prose = "It takes <!-- run: seconds -->an hour<!-- /run -->, this <!-- run: seconds c -->x<!-- /run --> \
                     on <!-- run: cores -->two<!-- /run --> cores in <!-- run: memory -->1 GB<!-- /run -->, <!-- run: after c mean -->.5<!-- /run -->.";
        let filled = filled(prose, &execution()).unwrap();
        assert!(filled.contains("<!-- run: cores -->2<!-- /run -->"), "{filled}");
        let wanted = "It takes 2 min 05 s, this 3.0 s on 2 cores in 512 MB, +0.012.";
        assert_eq!(unmarked(&filled), wanted);
        assert_eq!(unmarked("No mark."), "No mark.");
    }

    #[test]
    fn marks_that_the_run_cannot_fill_are_errors() {
        for wrong in ["seconds d", "after c median", "after d mean", "minutes", "after c"] {
            let prose = format!("<!-- run: {wrong} -->x<!-- /run -->");
            let message = format!("{:#}", filled(&prose, &execution()).unwrap_err());
            assert!(message.contains(wrong), "{message}");
        }
        for open in ["<!-- run: cores", "<!-- run: cores -->2"] {
            assert!(filled(open, &execution()).is_err(), "{open}");
        }
    }

    #[test]
    fn numbers_without_marks_are_found() {
        let of = |prose: &str| {
            let prose = json!({"cell_type": "markdown", "id": "m", "source": prose});
            let code = json!({"cell_type": "code", "id": "c", "source": ""});
            faults(&json!({"cells": [prose, code]}))
        };
        for good in [
            "$q = 0.424$, $$\\tau = 0.125$$, `0.0312`, 0.68, 32 x 32, 5.5, arXiv:2002.05709, lesson 1.",
            "A <!-- run: after c mean -->.784<!-- /run -->",
            "Takes <!-- run: seconds c -->three<!-- /run --> and <!-- run: cores -->two<!-- /run -->",
        ] {
            assert_eq!(of(good), [""; 0], "{good}");
        }
        for (bad, part) in [
            ("It reaches 0.784.", "0.784"),
            ("It reaches (.784).", "looks as if"),
            ("Takes\n<!-- run: seconds c -->x<!-- /run -->", "begins with a mark"),
            ("<!-- run: seconds d -->x<!-- /run -->", "names no cell"),
            ("<!-- run: hours -->x<!-- /run -->", "is not known"),
            ("<!-- run: cores -->x", "no end"),
        ] {
            let faults = of(bad).join("\n");
            assert!(faults.contains(part), "{bad}: {faults}");
        }
    }

    #[test]
    fn the_stored_lessons_mark_what_a_run_produces() {
        for lesson in xtask::lessons::all().unwrap() {
            assert_eq!(faults(&lesson.notebook), [""; 0], "{}", lesson.name);
        }
    }
}
