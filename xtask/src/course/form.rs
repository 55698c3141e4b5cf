//! What each lesson of the course has.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::lessons::lesson::{LONGEST_LINE, cells, has_tag, id, source};

/// Lines of a cell of code: most of the cells, and any.
const MEDIAN_LINES: usize = 8;
const MOST_LINES: usize = 25;
const EXERCISES: std::ops::RangeInclusive<usize> = 2..=4;
const QUESTIONS: usize = 3;
/// Tags of the cells of text that each lesson has.
const SECTIONS: [&str; 5] = ["goals", "prerequisites", "limits", "quiz", "references"];

/// Whether a notebook declares itself a lesson of the course: `twoviews.course` is true in its metadata.
pub(super) fn is_of_course(notebook: &Value) -> bool {
    notebook["metadata"]["twoviews"]["course"] == true
}

/// Fails if a lesson of the course lacks something, or a cell is too long.
pub(super) fn check(notebook: &Value) -> Result<()> {
    if !is_of_course(notebook) {
        return Ok(());
    }
    let cells = cells(notebook);
    sizes(cells)?;
    sections(cells)?;
    predictions(cells)?;
    exercises(cells)
}

fn is_code(cell: &&Value) -> bool {
    cell["cell_type"] == "code"
}

fn sizes(cells: &[Value]) -> Result<()> {
    let mut lengths = Vec::new();
    for cell in cells.iter().filter(is_code) {
        let text = source(cell);
        for line in text.lines() {
            let width = line.chars().count();
            ensure!(
                width <= LONGEST_LINE,
                "cell {}: {width} characters, at most {LONGEST_LINE}: {line}",
                id(cell)
            );
        }
        let length = text.lines().count();
        ensure!(length <= MOST_LINES, "cell {} has {length} lines, at most {MOST_LINES}", id(cell));
        lengths.push(length);
    }
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    ensure!(
        median <= MEDIAN_LINES,
        "half of the cells of code have {median} lines or more, at most {MEDIAN_LINES}: what is not the \
         lesson's point belongs in the crate"
    );
    Ok(())
}

fn sections(cells: &[Value]) -> Result<()> {
    for tag in SECTIONS {
        let text: Vec<String> =
            cells.iter().filter(|cell| has_tag(cell, tag)).map(source).collect();
        let text = text.join("\n");
        ensure!(
            !text.trim().is_empty(),
            "no cell has the tag {tag:?}: a lesson has {}",
            SECTIONS.join(", ")
        );
        if tag == "quiz" {
            for part in ["<details>", "<summary>", "</details>"] {
                let found = text.matches(part).count();
                ensure!(
                    found == QUESTIONS,
                    "the quiz has {part} {found} times: {QUESTIONS} questions, each answer with its \
                     reason folded in <details>"
                );
            }
        }
    }
    Ok(())
}

fn predictions(cells: &[Value]) -> Result<()> {
    let mut open: Option<&str> = None;
    let mut found = 0;
    for cell in cells.iter().filter(is_code) {
        let text = source(cell);
        if has_tag(cell, "prediction") {
            ensure!(
                open.is_none(),
                "the prediction of cell {} is never scored",
                open.unwrap_or("")
            );
            ensure!(
                text.contains("= None;"),
                "cell {} is tagged as a prediction: it is handed out as `= None;`",
                id(cell)
            );
            (open, found) = (Some(id(cell)), found + 1);
        } else if text.contains("Prediction::of(") {
            ensure!(
                open.is_some(),
                "cell {} scores a prediction, but no cell before it has the tag \"prediction\"",
                id(cell)
            );
            open = None;
        }
    }
    ensure!(open.is_none(), "the prediction of cell {} is never scored", open.unwrap_or(""));
    ensure!(found > 0, "there is nothing to predict: a cell with the tag \"prediction\"");
    Ok(())
}

fn exercises(cells: &[Value]) -> Result<()> {
    let mut open: Option<&str> = None;
    let mut found = 0;
    let mut asked = String::new();
    for cell in cells {
        let kind = &cell["metadata"]["nbgrader"];
        if cell["cell_type"] == "markdown" {
            asked = source(cell);
        } else if kind["solution"] == true {
            ensure!(open.is_none(), "the exercise of cell {} has no check", open.unwrap_or(""));
            (open, found) = (Some(id(cell)), found + 1);
            let number = asked.split_once("**Exercise ").map(|(_, text)| text);
            let number = number.and_then(|text| text.split(['.', ',', ':']).next());
            ensure!(
                number == Some(&found.to_string()),
                "exercises are numbered from 1 on: the text above cell {} wants to begin with **Exercise {found}.**",
                id(cell)
            );
        } else if kind["grade"] == true {
            let name = id(cell);
            ensure!(source(cell).contains("check("), "cell {name} is graded and checks nothing");
            ensure!(
                source(cell).contains(&format!("check(\"{found}\")")),
                "cell {name} checks exercise {found}, which it names: check(\"{found}\")"
            );
            ensure!(
                kind["points"].as_f64().is_some_and(|points| points > 0.0),
                "cell {name} is graded: nbgrader.points wants a number above 0"
            );
            ensure!(
                cell["metadata"]["jupyter"]["source_hidden"] == true,
                "cell {name} shows what its answers are: jupyter.source_hidden wants to be true"
            );
            open = None;
        }
    }
    ensure!(open.is_none(), "the exercise of cell {} has no check", open.unwrap_or(""));
    ensure!(
        EXERCISES.contains(&found),
        "there are {found} exercises, {} to {} are wanted",
        EXERCISES.start(),
        EXERCISES.end()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(id: &str, source: &str, metadata: Value) -> Value {
        json!({"cell_type": "code", "id": id, "metadata": metadata, "source": source})
    }

    fn exercise(number: usize, name: &str) -> [Value; 3] {
        let checked = json!({
            "nbgrader": {"grade": true, "points": 1},
            "jupyter": {"source_hidden": true},
        });
        let text = format!("Read.\n\n**Exercise {number}, a line.** Write it.");
        [
            json!({"cell_type": "markdown", "id": format!("{name}-text"), "source": text}),
            code(name, "fn f() {\n    None\n}", json!({"nbgrader": {"solution": true}})),
            code(&format!("{name}-check"), &format!("check(\"{number}\")"), checked),
        ]
    }

    fn lesson() -> Value {
        let question = "Why?\n<details><summary>Answer</summary>b</details>\n";
        let mut cells: Vec<Value> = SECTIONS
            .iter()
            .map(|tag| {
                let text = if *tag == "quiz" { question.repeat(3) } else { format!("**{tag}**") };
                json!({"cell_type": "markdown", "id": tag, "metadata": {"tags": [tag]}, "source": text})
            })
            .collect();
        cells.push(code("p", "let guess: Option<f64> = None;", json!({"tags": ["prediction"]})));
        cells.push(code("o", "Prediction::of(\"x\", guess).against(1.0)", json!({})));
        cells.extend(exercise(1, "e"));
        cells.extend(exercise(2, "f"));
        json!({"metadata": {"twoviews": {"course": true}}, "cells": cells})
    }

    /// What is said of the lesson after a change of its cells.
    fn after(change: impl FnOnce(&mut Vec<Value>)) -> String {
        let mut lesson = lesson();
        change(lesson["cells"].as_array_mut().unwrap());
        check(&lesson).map_or_else(|error| error.to_string(), |()| "good".to_owned())
    }

    #[test]
    fn a_lesson_with_everything_is_good_and_others_need_nothing() {
        assert_eq!(after(|_| ()), "good");
        let mut other = lesson();
        other["metadata"] = json!({});
        other["cells"] = json!([]);
        check(&other).unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        for tag in SECTIONS {
            let said = after(|cells| cells.retain(|cell| id(cell) != tag));
            assert!(said.contains(&format!("the tag {tag:?}")), "{said}");
        }
        let without =
            |name: &'static str| after(move |cells| cells.retain(|cell| id(cell) != name));
        assert!(without("p").contains("no cell before it"));
        assert!(without("o").contains("p is never scored"));
        assert!(without("e-check").contains("e has no check"));
        assert!(without("f-check").contains("f has no check"));
        let one = after(|cells| cells.truncate(10));
        assert!(one.contains("1 exercises"), "{one}");
        let many = after(|cells| {
            ["g", "h", "i"].iter().zip(3..).for_each(|(name, i)| cells.extend(exercise(i, name)));
        });
        assert!(many.contains("5 exercises"), "{many}");
        let quiz =
            after(|cells| cells[3]["source"] = json!("<details><summary>a</summary></details>"));
        assert!(quiz.contains("1 times"), "{quiz}");
    }

    #[test]
    fn exercises_are_numbered_in_their_order() {
        let with = |name: &'static str, text: &'static str| {
            after(move |cells| {
                let cell = cells.iter_mut().find(|cell| id(cell) == name).unwrap();
                cell["source"] = json!(text);
            })
        };
        assert!(with("f-text", "**Exercise 3a.** Why?").contains("**Exercise 2.**"));
        assert!(with("e-text", "Why?").contains("**Exercise 1.**"));
        assert!(with("f-check", "check(\"1\")").contains("check(\"2\")"));
    }

    #[test]
    fn cells_that_are_too_long_are_named() {
        let with = |text: String| after(move |cells| cells.push(code("long", &text, json!({}))));
        assert!(with("x".repeat(89)).contains("cell long: 89 characters"));
        assert_eq!(with("ä".repeat(88)), "good");
        assert!(with("x\n".repeat(26)).contains("cell long has 26 lines"));
        let said = after(|cells| {
            for i in 0..9 {
                cells.push(code(&format!("c{i}"), &"x\n".repeat(9), json!({})));
            }
        });
        assert!(said.contains("9 lines or more"), "{said}");
    }

    #[test]
    fn checks_are_hidden_have_points_and_predictions_are_open() {
        let change = |name: &'static str, key: &'static str, value: Value| {
            after(move |cells| {
                let cell = cells.iter_mut().find(|cell| id(cell) == name).unwrap();
                cell["metadata"][key] = value;
            })
        };
        assert!(change("e-check", "jupyter", json!({})).contains("source_hidden"));
        assert!(change("e-check", "nbgrader", json!({"grade": true})).contains("points"));
        let said = after(|cells| cells[5]["source"] = json!("let guess: Option<f64> = Some(1.0);"));
        assert!(said.contains("= None;"), "{said}");
    }
}
