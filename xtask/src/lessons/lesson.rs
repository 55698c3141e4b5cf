//! The lessons as they are stored, and as they were executed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// A line of code that is longer is cut off on a page of 1,000 pixels.
pub const LONGEST_LINE: usize = 88;

/// A notebook of the folder `notebooks`.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Its file's name without the extension.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its content, in nbformat's version 4.
    pub notebook: Value,
}

impl Lesson {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let name = stem.with_context(|| format!("a name in UTF-8: {}", path.display()))?;
        Ok(Self { name: name.to_owned(), path: path.to_owned(), notebook: read(path)? })
    }

    /// The digits with which its name begins.
    pub fn number(&self) -> &str {
        self.name.split('_').next().unwrap_or(&self.name)
    }

    /// What stands behind the first `#`.
    pub fn title(&self) -> String {
        let heading = |line: &str| line.strip_prefix("# ").map(|title| title.trim().to_owned());
        let found = self.markdown().find_map(|text| text.lines().find_map(heading));
        found.unwrap_or_else(|| self.name.clone())
    }

    /// The first sentence below the title, as plain text.
    pub fn sentence(&self) -> String {
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

    /// Other name under which it is asked for.
    fn short_name(&self) -> Option<&str> {
        self.said("name").as_str()
    }

    /// How long it takes, in words.
    pub fn takes(&self) -> Option<&str> {
        self.said("takes").as_str()
    }

    /// Whether it wants data or weights from elsewhere.
    pub fn downloads(&self) -> bool {
        let said = self.said("downloads");
        let wants = |code: &str| code.contains("Cifar10::load") || code.contains("hf-hub:");
        said.as_bool().unwrap_or_else(|| {
            said.is_string() || code_cells(&self.notebook).iter().any(|cell| wants(&cell.source))
        })
    }

    /// How much it downloads, in words.
    pub fn download_size(&self) -> Option<&str> {
        self.said("downloads").as_str()
    }

    /// The data sets that it says it uses, or else those that its code names.
    pub fn data(&self) -> Vec<String> {
        let said = texts(self.said("data"));
        if !said.is_empty() {
            return said;
        }
        let code: String = code_cells(&self.notebook).into_iter().map(|cell| cell.source).collect();
        [("Shapes10 {", "Shapes10 (synthetic, drawn by a program)"), ("Cifar10::load", "CIFAR-10")]
            .into_iter()
            .filter(|(sign, _)| code.contains(sign))
            .map(|(_, name)| name.to_owned())
            .collect()
    }

    /// The lines in which its code chooses seeds, or what it says of them.
    pub fn seeds(&self) -> Vec<String> {
        let said = texts(self.said("seeds"));
        if !said.is_empty() {
            return said;
        }
        let code = code_cells(&self.notebook);
        let lines = code.iter().flat_map(|cell| cell.source.lines());
        let chooses = |line: &&str| line.starts_with("let seed") && line.ends_with(';');
        lines.filter(chooses).map(str::to_owned).collect()
    }

    /// File name, without extension, of the main one of the figures that it saves.
    pub fn figure(&self) -> Option<&str> {
        self.said("figure").as_str()
    }

    /// What the notebook's metadata say for this project.
    fn said(&self, name: &str) -> &Value {
        &self.notebook["metadata"]["twoviews"][name]
    }

    /// What is wrong with how the lesson introduces itself.
    pub fn check(&self) -> Result<()> {
        let place = &self.name;
        ensure!(
            self.title() != *place,
            "{place} has no title: its first cell begins with `# Title`"
        );
        let sentence = self.sentence();
        ensure!(
            sentence.ends_with('.') && sentence.len() > 20,
            "{place} has no sentence below its title that says what it is about: {sentence:?}"
        );
        let said = &self.notebook["metadata"]["twoviews"];
        for (name, value) in said.as_object().into_iter().flatten() {
            let is_good = match name.as_str() {
                "name" | "takes" | "figure" => value.is_string(),
                "downloads" => value.is_string() || value.is_boolean(),
                "data" | "seeds" => !texts(value).is_empty(),
                "course" => value.is_boolean(),
                _ => false,
            };
            ensure!(
                is_good,
                "{place}: its metadata has twoviews.{name} = {value}; there are the texts name, takes, figure, \
                 downloads (or true, false), course (true or false) and the lists of texts data and seeds"
            );
        }
        Ok(())
    }

    fn markdown(&self) -> impl Iterator<Item = String> + '_ {
        cells(&self.notebook).iter().filter(|cell| cell["cell_type"] == "markdown").map(source)
    }
}

/// A cell of code: its lasting name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The name.
    pub id: String,
    /// The text.
    pub source: String,
}

/// All lessons in the order of their numbers: the notebooks of the folder itself named `NN_name.ipynb`.
/// Solutions and a user's own notebooks are none.
pub fn all(folder: &Path) -> Result<Vec<Lesson>> {
    let mut paths = notebooks(folder)?;
    paths.retain(|path| is_lesson(path));
    ensure!(!paths.is_empty(), "no notebook NN_name.ipynb in {}", folder.display());
    paths.iter().map(|path| Lesson::read(path)).collect()
}

fn is_lesson(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = name.split_once('_').map_or("", |(number, _)| number);
    number.len() == 2 && number.bytes().all(|it| it.is_ascii_digit())
}

/// All notebooks of a folder itself, by their names.
pub fn notebooks(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ipynb") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The lesson with the other name `wanted`, or else those whose names begin with it, or else contain it.
pub fn select<'a>(lessons: &'a [Lesson], wanted: &str) -> Result<Vec<&'a Lesson>> {
    let fits: [&dyn Fn(&Lesson) -> bool; 3] = [
        &|lesson| lesson.short_name() == Some(wanted),
        &|lesson| lesson.name.starts_with(wanted),
        &|lesson| lesson.name.contains(wanted),
    ];
    for fits in fits {
        let found: Vec<&Lesson> = lessons.iter().filter(|lesson| fits(lesson)).collect();
        if !found.is_empty() && !wanted.is_empty() {
            return Ok(found);
        }
    }
    let names = lessons.iter().map(|lesson| match lesson.short_name() {
        Some(short) => format!("{} ({short})", lesson.name),
        None => lesson.name.clone(),
    });
    bail!("no lesson {wanted:?}; there are {}", names.collect::<Vec<_>>().join(", "));
}

/// A notebook, or what else is stored as JSON.
pub fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// A list of texts.
fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

/// The cells of a notebook.
pub fn cells(notebook: &Value) -> &[Value] {
    notebook["cells"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The lasting name of a cell.
pub fn id(cell: &Value) -> &str {
    cell["id"].as_str().unwrap_or_default()
}

/// Whether a cell has a tag.
pub fn has_tag(cell: &Value, tag: &str) -> bool {
    cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|it| it == tag))
}

/// The text of a cell, which is stored as lines or as a whole.
pub fn source(cell: &Value) -> String {
    text(&cell["source"])
}

/// A text that nbformat stores as lines or as a whole.
pub fn text(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// The cells of code in their order.
pub fn code_cells(notebook: &Value) -> Vec<Code> {
    let code = cells(notebook).iter().filter(|cell| cell["cell_type"] == "code");
    code.map(|cell| Code { id: id(cell).to_owned(), source: source(cell) }).collect()
}

/// The first cell of code in which two notebooks differ, or which only one of them has.
pub fn drift(stored: &Value, executed: &Value) -> Option<String> {
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
    fn the_metadata_say_what_the_cells_do_not() {
        let mut it = lesson("# Title\n\nA sentence that says what it is about. More.");
        it.check().unwrap();
        it.notebook["metadata"] = json!({"twoviews": {"name": "short", "takes": "a minute",
            "downloads": "3 MB", "data": ["Digits"], "seeds": ["1 to 5"], "figure": "main"}});
        it.check().unwrap();
        assert!(it.downloads());
        assert_eq!((it.data(), it.seeds()), (vec!["Digits".into()], vec!["1 to 5".to_owned()]));
        assert_eq!((it.takes(), it.figure()), (Some("a minute"), Some("main")));
        assert_eq!(it.download_size(), Some("3 MB"));
        it.notebook["metadata"]["twoviews"]["downloads"] = false.into();
        assert!(!it.downloads() && it.check().is_ok());
        for (name, wrong) in [("figure", json!(3)), ("data", json!("x")), ("tittle", json!("x"))] {
            let mut it = it.clone();
            it.notebook["metadata"]["twoviews"][name] = wrong;
            let message = it.check().unwrap_err().to_string();
            assert!(message.contains(&format!("twoviews.{name}")), "{message}");
        }
        assert!(lesson("Only text.").check().unwrap_err().to_string().contains("no title"));
        assert!(lesson("# Title\n\n1. list").check().unwrap_err().to_string().contains("sentence"));
    }

    #[test]
    fn only_numbered_notebooks_of_the_folder_itself_are_lessons() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("solutions")).unwrap();
        for name in [
            "10_b.ipynb",
            "02_a.ipynb",
            "Untitled.ipynb",
            "1_x.ipynb",
            "03_c.md",
            "solutions/00_a.ipynb",
        ] {
            fs::write(place.path().join(name), "{}").unwrap();
        }
        let names: Vec<String> = all(place.path()).unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["02_a", "10_b"]);
    }

    #[test]
    fn the_stored_lessons_introduce_themselves() {
        for lesson in all(&crate::paths::root().join("notebooks")).unwrap() {
            lesson.check().unwrap();
        }
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
        let names = |lessons: &[Lesson], wanted| -> Vec<String> {
            select(lessons, wanted).unwrap().iter().map(|it| it.name.clone()).collect()
        };
        assert_eq!(
            (names(&lessons, "07"), names(&lessons, "y")),
            (vec!["07_x".into()], vec!["08_y_07".to_owned()])
        );
        lessons[1].notebook["metadata"] = json!({"twoviews": {"name": "07"}});
        assert_eq!(names(&lessons, "07"), ["08_y_07"]);
        for wrong in ["09", ""] {
            let message = select(&lessons, wrong).unwrap_err().to_string();
            assert!(message.contains("07_x, 08_y_07 (07)"), "{message}");
        }
    }
}
