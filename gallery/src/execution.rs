//! Executing lessons, and keeping what came out: one folder a lesson, there whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use twoviews_constants::variable;

use crate::digest::{self, Digest};
use crate::fake_hub;
use xtask::lessons::lesson::{self, Lesson};
use xtask::{folders, paths, tools};

/// Settings of the user that say where data and weights come from.
const SOURCES: [&str; 7] = [
    variable::DATA,
    variable::CIFAR10_URL,
    variable::CIFAR10_MD5,
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    variable::FROM_SCRATCH,
];

/// How lessons are executed.
pub(crate) struct Setting {
    pub quick: bool,
    /// Lessons that download get data and weights made from formulas.
    pub fake_hub: bool,
    /// Minutes for each notebook.
    pub limit: Option<f64>,
}

/// What is kept of an execution.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub notebook: Value,
    pub run: Value,
    /// Drawings that the lesson has saved.
    pub drawings: Vec<PathBuf>,
}

impl Execution {
    /// Reads the folder of an execution, if it is there.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        if !folder.is_dir() {
            return Ok(None);
        }
        let notebook = lesson::read(&folder.join("executed.ipynb"))?;
        let run = lesson::read(&folder.join("run.json"))?;
        let mut drawings = digest::files(&folder.join("files"))?;
        drawings.retain(|path| path.extension().is_some_and(|extension| extension == "svg"));
        Ok(Some(Self { notebook, run, drawings }))
    }

    /// What took the place of data or weights that are downloaded otherwise.
    pub(crate) fn stand_ins(&self) -> Option<&'static str> {
        let quick = self.run["quick"] == true;
        (self.run["fake_hub"] == true).then(|| fake_hub::stand_ins(quick))
    }

    /// What the execution depended on.
    pub(crate) fn key(&self) -> &str {
        self.run["key"].as_str().unwrap_or_default()
    }
}

/// What all executions depend on.
pub(crate) fn everything(root: &Path) -> Result<Digest> {
    let mut digest = digest::of_everything(root)?;
    digest.text("rustc", tools::compiler()?);
    digest.files(root, ".libtorch/build-version")?;
    Ok(digest)
}

/// What an execution of a lesson depends on. A result for another key is out of date.
pub(crate) fn key(lesson: &Lesson, setting: &Setting, everything: &Digest) -> String {
    let mut digest = everything.clone();
    digest::add_code(&mut digest, lesson);
    digest.text("quick", setting.quick.to_string());
    if lesson.downloads() {
        digest.text("fake-hub", setting.fake_hub.to_string());
        for (name, value) in sources() {
            digest.text(name, value.as_bytes());
            // A file of the user's own has no checksum of the project's.
            if let Some(data) = value.strip_prefix("file://").and_then(|it| fs::metadata(it).ok()) {
                digest.text("file", format!("{} {:?}", data.len(), data.modified().ok()));
            }
        }
    }
    digest.hex()
}

fn sources() -> BTreeMap<&'static str, String> {
    SOURCES.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect()
}

/// Whether a lesson has to be executed.
pub(crate) fn is_due(before: Option<&Execution>, key: &str, force: bool) -> bool {
    force || before.is_none_or(|before| before.key() != key)
}

/// Executes a lesson. What was there before makes way only for a run that came to its end; the rest
/// of one that did not is kept in the folder `failed`.
pub(crate) fn execute(
    lesson: &Lesson,
    setting: &Setting,
    key: &str,
    kept: &Path,
    failed: &Path,
    environment: &[(&'static str, String)],
) -> Result<()> {
    let part = kept.with_extension("part");
    folders::remove(&part)?;
    let files = part.join("files");
    fs::create_dir_all(&files).with_context(|| format!("making {}", files.display()))?;
    let mut command = Command::new(paths::python());
    command.arg(paths::root().join("site/execute.py")).arg(&lesson.path).arg(&part);
    command.args(setting.limit.map(|minutes| minutes.to_string()));
    command.env(variable::OUT, &files).env_remove(variable::QUICK);
    if setting.quick {
        command.env(variable::QUICK, "1");
    }
    command.envs(environment.iter().map(|(name, value)| (*name, value)));
    tools::forget_package(&mut command);
    let ended = command.status().context("cannot start the environment's Python")?;
    if !ended.success() {
        return Err(set_aside(&part, failed).context(lesson.name.clone()));
    }
    let path = part.join("run.json");
    let mut run = lesson::read(&path)?;
    run["key"] = key.into();
    run["quick"] = setting.quick.into();
    run["fake_hub"] = (setting.fake_hub && lesson.downloads()).into();
    run["versions"] = versions();
    folders::atomic_write(&path, serde_json::to_string_pretty(&run)?.as_bytes())?;
    folders::replace(&part, kept)?;
    folders::remove(failed)
}

/// Keeps what a run has left that did not come to its end, and says why it did not.
fn set_aside(part: &Path, failed: &Path) -> anyhow::Error {
    let move_away = || -> Result<()> {
        folders::remove(failed)?;
        fs::create_dir_all(failed.parent().unwrap_or(failed))?;
        fs::rename(part, failed).with_context(|| format!("making {}", failed.display()))
    };
    if let Err(error) = move_away() {
        return error.context("it did not run to its end, and its output so far could not be kept");
    }
    let rest = failed.join("executed.ipynb");
    match lesson::read(&failed.join("run.json")).ok().filter(|_| rest.is_file()) {
        Some(run) => {
            let why = run["problem"].as_str().unwrap_or("it was ended");
            anyhow!("{why}\nits output so far: {}", rest.display())
        }
        // The runner has said what kept it from writing them.
        None => anyhow!("it did not run to its end; its output so far could not be written"),
    }
}

/// Versions of what has computed.
fn versions() -> Value {
    let first_line = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(paths::root()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        Some(text.trim().lines().next().unwrap_or_default().to_owned())
    };
    let libtorch = fs::read_to_string(paths::libtorch().join("build-version")).ok();
    json!({
        "twoviews": env!("CARGO_PKG_VERSION"),
        "commit": first_line("git", &["describe", "--always", "--dirty"]),
        "rustc": first_line("rustc", &["--version"]),
        "libtorch": libtorch.map(|version| version.trim().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson(code: &str) -> Lesson {
        let cell = json!({"cell_type": "code", "id": "c", "source": code});
        let notebook = json!({"metadata": {"kernelspec": {"name": "rust"}}, "cells": [cell]});
        Lesson { name: "x".into(), path: "x.ipynb".into(), notebook }
    }

    #[test]
    fn what_changes_the_outputs_changes_the_key() {
        let key = |code: &str, quick, fake_hub, limit, everything: &str| {
            let mut digest = Digest::default();
            digest.text("crate", everything);
            key(&lesson(code), &Setting { quick, fake_hub, limit }, &digest)
        };
        let first = key("1", false, false, None, "a");
        assert_eq!(first, key("1", false, false, Some(3.0), "a"));
        // A lesson without downloads does not ask where they come from.
        assert_eq!(first, key("1", false, true, None, "a"));
        assert_ne!(first, key("2", false, false, None, "a"));
        assert_ne!(first, key("1", true, false, None, "a"));
        assert_ne!(first, key("1", false, false, None, "b"));
        let code = "Cifar10::load(&config)?";
        assert_ne!(key(code, false, false, None, "a"), key(code, false, true, None, "a"));
    }

    #[test]
    fn only_what_is_out_of_date_is_due() {
        let run = json!({"key": "k"});
        let kept = Execution { notebook: Value::Null, run, drawings: Vec::new() };
        assert!(!is_due(Some(&kept), "k", false));
        assert!(is_due(Some(&kept), "other", false));
        assert!(is_due(Some(&kept), "k", true));
        assert!(is_due(None, "k", false));
    }

    #[test]
    fn a_run_that_fails_is_set_aside_and_the_one_before_stays() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for (name, text) in [("kept", "old"), ("x.part", "new"), ("failed/x", "older")] {
            fs::create_dir_all(at(name)).unwrap();
            fs::write(at(name).join("executed.ipynb"), text).unwrap();
        }
        fs::write(at("x.part/run.json"), r#"{"problem": "the cell c failed"}"#).unwrap();
        let message = set_aside(&at("x.part"), &at("failed/x")).to_string();
        assert!(message.starts_with("the cell c failed\n"), "{message}");
        assert!(message.ends_with("failed/x/executed.ipynb"), "{message}");
        let read = |name: &str| fs::read_to_string(at(name).join("executed.ipynb")).unwrap();
        assert_eq!((read("kept"), read("failed/x")), ("old".to_owned(), "new".to_owned()));
        // The disk was full.
        fs::create_dir(at("x.part")).unwrap();
        let message = set_aside(&at("x.part"), &at("failed/x")).to_string();
        assert!(message.contains("could not be written"), "{message}");
        let message = set_aside(&at("x.part"), &at("failed/x")).to_string();
        assert!(message.contains("could not be kept"), "{message}");
    }

    #[test]
    fn what_is_damaged_is_no_execution_and_says_so() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        for (name, text) in [("run.json", "{}"), ("executed.ipynb", "{\"cells\": []}")] {
            let message = format!("{:#}", Execution::read(folder).unwrap_err());
            assert!(
                message.contains("executed.ipynb") || message.contains("run.json"),
                "{message}"
            );
            fs::write(folder.join(name), text).unwrap();
        }
        assert!(Execution::read(folder).unwrap().is_some());
        fs::write(folder.join("executed.ipynb"), "{\"cells\":").unwrap();
        assert!(format!("{:#}", Execution::read(folder).unwrap_err()).contains("not JSON"));
    }

    #[test]
    fn what_was_not_executed_is_no_execution() {
        let place = tempfile::tempdir().unwrap();
        assert!(Execution::read(&place.path().join("nowhere")).unwrap().is_none());
    }
}
