//! Takes solutions and hidden tests out of a notebook, as `nbgrader generate_assignment` does with the settings
//! of a course's folder.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::lessons::lesson::{cells, id, source};

/// What stands in the place of a solution. It compiles wherever an `Option` is wanted.
pub(super) const STUB: &str = "None // your code";
const SOLUTION: [&str; 2] = ["BEGIN SOLUTION", "END SOLUTION"];
const HIDDEN: [&str; 2] = ["BEGIN HIDDEN TESTS", "END HIDDEN TESTS"];

/// The notebook for readers.
pub(super) fn without(notebook: &Value) -> Result<Value> {
    let mut notebook = notebook.clone();
    let mut names = std::collections::HashSet::new();
    for cell in notebook["cells"].as_array_mut().context("no cells")? {
        let text = source(cell);
        let name = format!("cell {}", id(cell));
        let kind = &cell["metadata"]["nbgrader"];
        let (is_solution, is_graded) = (kind["solution"] == true, kind["grade"] == true);
        if is_solution || is_graded {
            let grade_id = kind["grade_id"].as_str().unwrap_or_default();
            ensure!(
                !grade_id.is_empty() && names.insert(grade_id.to_owned()),
                "{name}: nbgrader wants a grade_id of its own, not {grade_id:?}"
            );
        }
        let (text, solutions) =
            replaced(&text, SOLUTION, Some(STUB)).with_context(|| name.clone())?;
        let (text, hidden) = replaced(&text, HIDDEN, None).with_context(|| name.clone())?;
        ensure!(
            solutions == 0 || is_solution,
            "{name} has a solution, but its metadata does not say so: nbgrader.solution = true"
        );
        ensure!(
            solutions == 1 || !is_solution,
            "{name} says that it holds a solution: it wants one between // {} and // {}",
            SOLUTION[0],
            SOLUTION[1]
        );
        ensure!(
            hidden == 0 || is_graded,
            "{name} has hidden tests, but its metadata does not say so: nbgrader.grade = true"
        );
        if solutions + hidden > 0 {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            cell["source"] = if cell["source"].is_array() { lines.into() } else { text.into() };
        }
    }
    Ok(notebook)
}

/// The text with `stub` for each part between two marks, and how many there were.
fn replaced(text: &str, [begin, end]: [&str; 2], stub: Option<&str>) -> Result<(String, usize)> {
    let (mut lines, mut found, mut inside) = (Vec::new(), 0, false);
    for line in text.split('\n') {
        if line.contains(begin) {
            ensure!(!inside, "{begin} stands inside of another one");
            (inside, found) = (true, found + 1);
            let indent = &line[..line.len() - line.trim_start().len()];
            lines.extend(stub.map(|stub| format!("{indent}{stub}")));
        } else if line.contains(end) {
            ensure!(inside, "{end} without {begin}");
            inside = false;
        } else if !inside {
            lines.push(line.to_owned());
        }
    }
    ensure!(!inside, "{begin} without {end}");
    Ok((lines.join("\n"), found))
}

/// Fails if a notebook for readers holds a solution or a hidden test.
pub(super) fn has_none(notebook: &Value) -> Result<()> {
    for cell in cells(notebook) {
        let text = source(cell);
        let mark = [SOLUTION, HIDDEN].into_iter().flatten().find(|mark| text.contains(mark));
        ensure!(
            mark.is_none(),
            "cell {} holds {:?}: solutions belong in notebooks/solutions",
            id(cell),
            mark.unwrap_or_default()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cell(source: Value, solution: bool, grade: bool) -> Value {
        let nbgrader =
            json!({"solution": solution, "grade": grade, "grade_id": format!("{source}")});
        json!({"cell_type": "code", "id": "a", "metadata": {"nbgrader": nbgrader}, "source": source})
    }

    fn made(source: Value, solution: bool, grade: bool) -> Result<Value> {
        let notebook = without(&json!({"cells": [cell(source, solution, grade)]}))?;
        Ok(notebook["cells"][0]["source"].clone())
    }

    #[test]
    fn a_solution_becomes_a_stub_that_is_indented_like_it() {
        let text = "fn f() -> Option<f64> {\n    // BEGIN SOLUTION\n    let x = 1.0;\n    Some(x)\n    // END SOLUTION\n}";
        let stub = "fn f() -> Option<f64> {\n    None // your code\n}";
        assert_eq!(made(json!(text), true, false).unwrap(), stub);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let stub_lines: Vec<&str> = stub.split_inclusive('\n').collect();
        assert_eq!(made(json!(lines), true, false).unwrap(), json!(stub_lines));
    }

    #[test]
    fn hidden_tests_go_and_leave_a_chain_of_calls() {
        let text = "check(\"1a\")\n    .case(1)\n// BEGIN HIDDEN TESTS\n    .case(2)\n    .grade()\n// END HIDDEN TESTS";
        assert_eq!(made(json!(text), false, true).unwrap(), "check(\"1a\")\n    .case(1)");
    }

    #[test]
    fn marks_that_do_not_fit_are_refused() {
        for (text, solution, grade, word) in [
            ("// BEGIN SOLUTION\n1", true, false, "without END SOLUTION"),
            ("1\n// END SOLUTION", true, false, "without BEGIN SOLUTION"),
            ("// BEGIN SOLUTION\n// BEGIN SOLUTION\n// END SOLUTION", true, false, "inside"),
            ("// BEGIN SOLUTION\n1\n// END SOLUTION", false, false, "nbgrader.solution"),
            ("1", true, false, "it wants one"),
            ("// BEGIN HIDDEN TESTS\n1\n// END HIDDEN TESTS", false, false, "nbgrader.grade"),
        ] {
            let error = format!("{:#}", made(json!(text), solution, grade).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
        let twice =
            json!({"cells": [cell(json!("1"), false, true), cell(json!("1"), false, true)]});
        assert!(without(&twice).unwrap_err().to_string().contains("grade_id"));
    }
}
