//! The lessons as they are stored, and as they were executed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// A notebook of the folder `notebooks`.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    /// Its file's name without the extension.
    pub name: String,
    pub path: PathBuf,
    pub notebook: Value,
}

impl Lesson {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let name = stem.with_context(|| format!("a name in UTF-8: {}", path.display()))?;
        Ok(Self { name: name.to_owned(), path: path.to_owned(), notebook: read(path)? })
    }

    /// What stands behind the first `#`.
    pub(crate) fn title(&self) -> String {
        let heading = |line: &str| line.strip_prefix("# ").map(|title| title.trim().to_owned());
        let found = self.markdown().find_map(|text| text.lines().find_map(heading));
        found.unwrap_or_else(|| self.name.clone())
    }

    /// The first sentence below the title, as plain text.
    pub(crate) fn sentence(&self) -> String {
        let text = self.markdown().next().unwrap_or_default();
        let below = text.lines().skip_while(|line| !line.starts_with("# ")).skip(1);
        let paragraph: Vec<&str> = below
            .skip_while(|line| line.trim().is_empty())
            .take_while(|line| !line.trim().is_empty())
            .map(str::trim)
            .collect();
        let paragraph = paragraph.join(" ").replace(['*', '`', '$'], "");
        match paragraph.find(". ") {
            Some(end) => paragraph[..=end].to_owned(),
            None => paragraph,
        }
    }

    /// Whether it wants data or weights from elsewhere.
    pub(crate) fn downloads(&self) -> bool {
        let wants = |code: &str| code.contains("Cifar10::load") || code.contains("hf-hub:");
        code_cells(&self.notebook).iter().any(|cell| wants(&cell.source))
    }

    /// The data sets that its code names.
    pub(crate) fn data(&self) -> Vec<&'static str> {
        let code: String = code_cells(&self.notebook).into_iter().map(|cell| cell.source).collect();
        [("Shapes10 {", "Shapes10 (synthetic, drawn by a program)"), ("Cifar10::load", "CIFAR-10")]
            .into_iter()
            .filter(|(sign, _)| code.contains(sign))
            .map(|(_, name)| name)
            .collect()
    }

    /// The lines in which its code chooses seeds.
    pub(crate) fn seeds(&self) -> Vec<String> {
        let code = code_cells(&self.notebook);
        let lines = code.iter().flat_map(|cell| cell.source.lines());
        let chooses = |line: &&str| line.starts_with("let seed") && line.ends_with(';');
        lines.filter(chooses).map(str::to_owned).collect()
    }

    fn markdown(&self) -> impl Iterator<Item = String> + '_ {
        let cells = self.notebook["cells"].as_array().map(Vec::as_slice).unwrap_or_default();
        cells.iter().filter(|cell| cell["cell_type"] == "markdown").map(source)
    }
}

/// A cell of code: its lasting name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub id: String,
    pub source: String,
}

/// All lessons, by their file names.
pub(crate) fn all(folder: &Path) -> Result<Vec<Lesson>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ipynb") {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(!paths.is_empty(), "no notebook in {}", folder.display());
    paths.iter().map(|path| Lesson::read(path)).collect()
}

/// The lessons whose names begin with `wanted`, or contain it where none does.
pub(crate) fn select<'a>(lessons: &'a [Lesson], wanted: &str) -> Result<Vec<&'a Lesson>> {
    let by = |fits: &dyn Fn(&Lesson) -> bool| -> Vec<&'a Lesson> {
        lessons.iter().filter(|lesson| fits(lesson)).collect()
    };
    let mut found = by(&|lesson| lesson.name.starts_with(wanted));
    if found.is_empty() {
        found = by(&|lesson| lesson.name.contains(wanted));
    }
    if found.is_empty() {
        let names: Vec<&str> = lessons.iter().map(|lesson| lesson.name.as_str()).collect();
        bail!("no lesson {wanted:?}; there are {}", names.join(", "));
    }
    Ok(found)
}

/// A notebook, or what else is stored as JSON.
pub(crate) fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// The text of a cell, which is stored as lines or as a whole.
pub(crate) fn source(cell: &Value) -> String {
    text(&cell["source"])
}

/// A text that nbformat stores as lines or as a whole.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

pub(crate) fn code_cells(notebook: &Value) -> Vec<Code> {
    let cells = notebook["cells"].as_array().map(Vec::as_slice).unwrap_or_default();
    let code = cells.iter().filter(|cell| cell["cell_type"] == "code");
    code.map(|cell| {
        let id = cell["id"].as_str().unwrap_or_default().to_owned();
        Code { id, source: source(cell) }
    })
    .collect()
}

/// The first cell of code in which two notebooks differ, or which only one of them has.
pub(crate) fn drift(stored: &Value, executed: &Value) -> Option<String> {
    let (stored, executed) = (code_cells(stored), code_cells(executed));
    let differ = stored.iter().zip(&executed).find(|(a, b)| a != b).map(|(a, _)| a);
    let only = || {
        let rest = if stored.len() > executed.len() { &stored } else { &executed };
        rest.get(stored.len().min(executed.len()))
    };
    differ.or_else(only).map(|cell| cell.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn notebook(cells: &[(&str, &str, &str)]) -> Value {
        let cells: Vec<Value> = cells
            .iter()
            .map(|(kind, id, source)| json!({"cell_type": kind, "id": id, "source": [source]}))
            .collect();
        json!({ "cells": cells })
    }

    fn lesson(text: &str) -> Lesson {
        let cells = [("markdown", "title", text), ("code", "a", "let seed: u32 = 42;\nlet x = 1;")];
        Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook: notebook(&cells) }
    }

    #[test]
    fn title_sentence_and_seeds_come_from_the_cells() {
        let it = lesson("# A *title*\n\nOne `long`\nsentence. Another.\n\n1. list");
        assert_eq!(
            (it.title().as_str(), it.sentence().as_str()),
            ("A *title*", "One long sentence.")
        );
        assert_eq!(it.seeds(), ["let seed: u32 = 42;"]);
        assert_eq!(lesson("text").title(), "07_x");
        assert!(!it.downloads());
    }

    #[test]
    fn changed_prose_is_no_drift_and_changed_code_is() {
        let stored = notebook(&[("markdown", "m", "old"), ("code", "a", "1"), ("code", "b", "2")]);
        let prose = notebook(&[("code", "a", "1"), ("markdown", "m", "new"), ("code", "b", "2")]);
        assert_eq!(drift(&stored, &prose), None);
        let changed = notebook(&[("code", "a", "1"), ("code", "b", "3")]);
        assert_eq!(drift(&stored, &changed).as_deref(), Some("b"));
        let fewer = notebook(&[("code", "a", "1")]);
        assert_eq!(drift(&stored, &fewer).as_deref(), Some("b"));
        assert_eq!(drift(&fewer, &stored).as_deref(), Some("b"));
    }

    #[test]
    fn lessons_are_chosen_by_the_beginning_of_their_names() {
        let mut lessons = vec![lesson("# a"), lesson("# b")];
        lessons[1].name = "08_y_07".into();
        let names = |wanted| -> Vec<String> {
            select(&lessons, wanted).unwrap().iter().map(|it| it.name.clone()).collect()
        };
        assert_eq!((names("07"), names("y")), (vec!["07_x".into()], vec!["08_y_07".to_owned()]));
        let message = select(&lessons, "09").unwrap_err().to_string();
        assert!(message.contains("07_x, 08_y_07"), "{message}");
    }
}
