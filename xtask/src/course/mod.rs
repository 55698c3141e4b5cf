//! The course: lessons with exercises, whose solutions lie apart.
//!
//! `notebooks/solutions/NAME.ipynb` is the one source of a lesson with exercises: what a teacher has, with
//! solutions and hidden tests between nbgrader's marks. The lesson `notebooks/NAME.ipynb` is made of it.

mod folder;
mod form;
mod solutions;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::lessons::lesson::{self, Lesson, read};
use crate::say::say;
use crate::{folders, paths};

/// What `cargo xtask exercises` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    course: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments behind `exercises`.
    pub fn parse(arguments: &[&str]) -> Result<Self> {
        match arguments {
            [] => Ok(Self::default()),
            ["--course", folder] => {
                Ok(Self { course: Some(std::env::current_dir()?.join(folder)) })
            }
            other => bail!("exercises does not know {:?}: --course DIR", other.join(" ")),
        }
    }
}

/// Writes the lessons from their solutions, or a course's folder for nbgrader.
pub fn run(options: &Options) -> Result<()> {
    let sources = sources(&paths::root().join("notebooks"))?;
    if let Some(course) = &options.course {
        return folder::write(course, &sources);
    }
    for source in &sources {
        let lesson = for_readers(source);
        let text = text(&solutions::without(&source.notebook).with_context(|| shown(source))?)?;
        if fs::read_to_string(&lesson).is_ok_and(|before| before == text) {
            say(&format!("{} is as its solutions say", source.name));
        } else {
            folders::atomic_write(&lesson, text.as_bytes())?;
            say(&format!("wrote {}", lesson.display()));
        }
    }
    Ok(())
}

/// Fails if a lesson is not what its solutions make of it, or a lesson of the course lacks what each has.
pub fn check(notebooks: &Path) -> Result<()> {
    let sources = sources(notebooks)?;
    for source in &sources {
        let lesson = for_readers(source);
        let made = solutions::without(&source.notebook).with_context(|| shown(source))?;
        ensure!(
            read(&lesson)? == made,
            "{} is not what {} makes of it: change the latter, then `cargo xtask exercises`",
            lesson.display(),
            shown(source)
        );
    }
    for path in lesson::notebooks(notebooks)? {
        let notebook = read(&path)?;
        solutions::has_none(&notebook)
            .and_then(|()| form::check(&notebook))
            .with_context(|| path.display().to_string())?;
        let is_known = sources.iter().any(|source| for_readers(source) == path);
        ensure!(
            is_known || !form::is_of_course(&notebook),
            "{}: a lesson of the course has its solutions in notebooks/solutions",
            path.display()
        );
    }
    Ok(())
}

/// The notebook that readers get of a lesson with its solutions.
fn for_readers(source: &Lesson) -> PathBuf {
    let folder = source.path.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    folder.join(&source.name).with_extension("ipynb")
}

fn shown(source: &Lesson) -> String {
    format!("notebooks/solutions/{}.ipynb", source.name)
}

/// All lessons that have solutions, with them, by their names.
pub fn sources(notebooks: &Path) -> Result<Vec<Lesson>> {
    let folder = notebooks.join("solutions");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    lesson::notebooks(&folder)?.iter().map(|path| Lesson::read(path)).collect()
}

/// A notebook as nbformat stores it.
fn text(notebook: &Value) -> Result<String> {
    use serde::Serialize as _;
    let mut bytes = Vec::new();
    let indented = serde_json::ser::PrettyFormatter::with_indent(b" ");
    notebook.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, indented))?;
    bytes.push(b'\n');
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        assert_eq!(Options::parse(&[]).unwrap(), Options::default());
        let course = Options::parse(&["--course", "/tmp/c"]).unwrap().course;
        assert_eq!(course.as_deref(), Some(Path::new("/tmp/c")));
        assert!(Options::parse(&["--course"]).is_err());
        assert!(Options::parse(&["--out", "x"]).unwrap_err().to_string().contains("--out"));
    }

    #[test]
    fn the_lessons_are_what_their_solutions_make_of_them() {
        check(&paths::root().join("notebooks")).unwrap();
    }

    /// With this notebook grading is tried.
    #[test]
    fn the_notebook_that_is_graded_is_handed_out_without_solutions() {
        let folder = paths::root().join("tests/notebooks");
        let made = solutions::without(&read(&folder.join("exercises.ipynb")).unwrap()).unwrap();
        let stored = fs::read_to_string(folder.join("exercises_handed_out.ipynb")).unwrap();
        assert_eq!(text(&made).unwrap(), stored);
    }

    #[test]
    fn a_courses_folder_has_each_lesson_with_its_solutions() {
        let place = tempfile::tempdir().unwrap();
        let course = place.path().join("new/course");
        let path = paths::root().join("tests/notebooks/exercises.ipynb");
        let source = Lesson { name: "02_x".into(), notebook: read(&path).unwrap(), path };
        assert!(folder::write(&course, &[]).is_err());
        folder::write(&course, &[source]).unwrap();
        let notebook = fs::read_to_string(course.join("source/02_x/02_x.ipynb")).unwrap();
        assert!(notebook.contains("BEGIN SOLUTION"));
        let settings = fs::read_to_string(course.join("nbgrader_config.py")).unwrap();
        assert!(settings.contains("share/jupyter") && !settings.contains("{kernels}"));
        assert!(settings.contains(solutions::STUB));
    }

    #[test]
    fn a_lesson_that_has_drifted_is_refused_and_one_without_solutions_is_none() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let notebook = |code: &str| {
            text(&serde_json::json!({"cells": [
                {"cell_type": "code", "id": "a", "source": code,
                 "metadata": {"nbgrader": {"solution": true, "grade": false, "grade_id": "a"}}},
            ]}))
            .unwrap()
        };
        write("00_plain.ipynb", &notebook("1"));
        check(place.path()).unwrap();
        write(
            "solutions/02_x.ipynb",
            &notebook("fn f() {\n    // BEGIN SOLUTION\n    Some(1)\n    // END SOLUTION\n}"),
        );
        assert!(format!("{:#}", check(place.path()).unwrap_err()).contains("02_x.ipynb"));
        write("02_x.ipynb", &notebook("fn f() {\n    None // your code\n}"));
        check(place.path()).unwrap();
        write("02_x.ipynb", &notebook("fn f() {\n    Some(1)\n}"));
        let error = format!("{:#}", check(place.path()).unwrap_err());
        assert!(error.contains("cargo xtask exercises"), "{error}");
        write("02_x.ipynb", &notebook("fn f() {\n    None // your code\n}"));
        write("00_plain.ipynb", &notebook("// BEGIN SOLUTION\n1\n// END SOLUTION"));
        let error = format!("{:#}", check(place.path()).unwrap_err());
        assert!(error.contains("cell a holds"), "{error}");
    }
}
