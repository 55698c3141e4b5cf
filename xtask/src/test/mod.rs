//! Every check, the cheapest first.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use twoviews_constants::variable;

use crate::lessons::lesson::{self, LONGEST_LINE};
use crate::say::say;
use crate::setup::library::Library;
use crate::{course, notebook, paths, setup, stock, tools};

/// The folders of notebooks.
const STORED: [&str; 3] = ["notebooks", "notebooks/solutions", "tests/notebooks"];

/// Runs all checks; `long` adds the slow ones.
pub fn run(long: bool) -> Result<()> {
    step("formatting", &["fmt", "--all", "--check"])?;
    say("the notebooks as they are stored");
    for folder in STORED {
        check_stored(folder)?;
    }
    course::check(&paths::root().join("notebooks"))?;
    setup::run()?;
    // The kernel apart from the rest: together cargo would unite the features of their
    // dependencies and compile rust-analyzer once more.
    let library = Library::read(&paths::root()).names;
    let library = library.iter().flat_map(|name| ["--package", name]);
    let library: Vec<&str> = library.collect();
    let with_chores =
        [library.as_slice(), &["--package", "xtask", "--package", "twoviews-gallery"]].concat();
    for packages in
        [with_chores.as_slice(), &["--package", "twoviews-kernel", "--package", stock::PROGRAM]]
    {
        let mut clippy = vec!["clippy", "--quiet", "--all-targets"];
        clippy.extend(packages);
        clippy.extend(["--", "-D", "warnings"]);
        step("clippy", &clippy)?;
        let mut test = vec!["test"];
        test.extend(packages);
        step("tests", &test)?;
        if long {
            test.extend(["--", "--ignored"]);
            step("slow tests", &test)?;
        }
    }
    // They are run by name only, so `--all-targets` leaves them out.
    let by_name = ["clippy", "--quiet", "--package", "twoviews", "--bench", "reference"];
    step(
        "clippy",
        &[
            by_name.as_slice(),
            &["--bench", "learning", "--bench", "shapes10", "--", "-D", "warnings"],
        ]
        .concat(),
    )?;
    without_torch()?;
    step("documentation", &[["doc", "--quiet", "--no-deps"].as_slice(), &library].concat())?;
    say("the kernel over its protocol");
    let mut suite = Command::new(paths::python());
    suite.args(["-m", "unittest", "discover", "--verbose", "--start-directory"]);
    suite.arg(paths::root().join("kernel/tests"));
    suite.env("JUPYTER_PATH", paths::venv("share/jupyter"));
    if long {
        suite.env(variable::LONG, "1");
    }
    tools::forget_package(&mut suite);
    tools::run(&mut suite)?;
    say("the smallest notebook on a stock evcxr kernel");
    let stock = stock::ensure()?.display().to_string();
    notebook::run(
        &paths::root().join("tests/notebooks/smoke.ipynb"),
        &paths::root().join("target/smoke-stock"),
        &[(variable::NOTEBOOK_KERNEL, stock::NAME), ("JUPYTER_PATH", &stock)],
    )?;
    say("the lessons, quick, on generated data and weights, and the site of them");
    // With pretrained weights the kernel's tests have run the one that can train from scratch.
    let mut gallery = tools::gallery(&["--quick", "--fake-hub"]);
    gallery.env(variable::FROM_SCRATCH, "1");
    if long {
        gallery.args(["--check", "--look", "--solutions"]);
    }
    tools::run(&mut gallery)?;
    say("all checks passed");
    Ok(())
}

/// What needs no tensor: its tests, and those of what pages compute with it.
fn without_torch() -> Result<()> {
    let package = ["--package", "twoviews", "--no-default-features"];
    step("tests without libtorch", &[["test"].as_slice(), &package].concat())?;
    if !tools::has_webassembly()? {
        let how = tools::WEBASSEMBLY_HOW;
        say(&format!("WebAssembly: not compared with native code ({how} makes it possible)"));
    }
    let package = ["--quiet", "--package", "twoviews-web"];
    let clippy = [["clippy"].as_slice(), &package, &["--all-targets", "--", "-D", "warnings"]];
    step("clippy of the pages' experiments", &clippy.concat())?;
    step("tests of the pages' experiments", &[["test"].as_slice(), &package].concat())
}

fn step(what: &str, arguments: &[&str]) -> Result<()> {
    say(what);
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root()).args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    tools::run(&mut cargo)
}

/// Stored notebooks have no outputs, stable cell names, the project's kernel and lines that fit a page.
fn check_stored(folder: &str) -> Result<()> {
    let folder = paths::root().join(folder);
    if !folder.is_dir() {
        return Ok(());
    }
    for path in lesson::notebooks(&folder)? {
        check_notebook(&lesson::read(&path)?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn check_notebook(notebook: &Value) -> Result<()> {
    ensure!(notebook["metadata"]["kernelspec"]["name"] == "rust", "the kernel is not `rust`");
    let mut ids = std::collections::HashSet::new();
    for cell in notebook["cells"].as_array().context("no cells")? {
        let id = lesson::id(cell);
        ensure!(!id.is_empty() && ids.insert(id), "a cell has no id, or the id {id:?} twice");
        if cell["cell_type"] == "code" {
            let empty = cell["outputs"].as_array().is_some_and(Vec::is_empty);
            ensure!(empty && cell["execution_count"].is_null(), "cell {id} is stored with outputs");
            for line in lesson::source(cell).lines() {
                let length = line.chars().count();
                ensure!(
                    length <= LONGEST_LINE,
                    "cell {id} has a line of {length} characters, {LONGEST_LINE} fit the page: {line}"
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn notebook(outputs: Value, ids: [&str; 2]) -> Value {
        let cell = |id| json!({"cell_type": "code", "id": id, "outputs": outputs, "execution_count": null});
        json!({"metadata": {"kernelspec": {"name": "rust"}}, "cells": ids.map(cell)})
    }

    #[test]
    fn stored_notebooks_must_be_clean() {
        assert!(check_notebook(&notebook(json!([]), ["a", "b"])).is_ok());
        assert!(check_notebook(&notebook(json!([]), ["a", "a"])).is_err());
        assert!(check_notebook(&notebook(json!([{}]), ["a", "b"])).is_err());
        assert!(check_notebook(&json!({"metadata": {}, "cells": []})).is_err());
    }

    #[test]
    fn lines_of_code_fit_a_page() {
        let with = |source: Value| {
            let mut notebook = notebook(json!([]), ["a", "b"]);
            notebook["cells"][1]["source"] = source;
            check_notebook(&notebook)
        };
        let (fits, long) = ("\u{e4}".repeat(88), "x".repeat(89));
        assert!(with(json!(format!("1;\n{fits}\n2"))).is_ok());
        let error = with(json!(["1;\n", "x", long])).unwrap_err().to_string();
        assert!(error.contains("cell b has a line of 90 characters"), "{error}");
        for folder in STORED {
            check_stored(folder).unwrap();
        }
    }
}
