//! A lesson's page: the stored prose, the executed cells, and what is known of the run.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::execution::Execution;
use crate::figures::figures_with_text;
use crate::prose::{self, duration};
use xtask::lessons::lesson::{self, Lesson};

/// How many of the slowest cells are listed.
const SLOWEST: usize = 5;

/// The notebook with the prose as it is stored now, and the outputs and numbers of the execution. Where the
/// code has changed since, nothing is mixed: it is the executed notebook as it was.
pub(crate) fn merged(lesson: &Lesson, execution: &Execution) -> Result<Value> {
    let executed = &execution.notebook;
    let drifts = lesson::drift(&lesson.notebook, executed).is_some();
    let mut notebook = if drifts { executed.clone() } else { lesson.notebook.clone() };
    for cell in notebook["cells"].as_array_mut().into_iter().flatten() {
        let text = lesson::source(cell);
        if cell["cell_type"] == "markdown" && text.contains("<!-- run:") {
            let filled = prose::filled(&text, execution);
            cell["source"] =
                filled.with_context(|| format!("{}, cell {}", lesson.name, cell["id"]))?.into();
        }
    }
    if drifts {
        return Ok(notebook);
    }
    let cells = lesson::cells(executed);
    for cell in notebook["cells"].as_array_mut().into_iter().flatten() {
        if let Some(done) = cells.iter().find(|done| done["id"] == cell["id"])
            && cell["cell_type"] == "code"
        {
            cell["outputs"] = done["outputs"].clone();
            cell["execution_count"] = done["execution_count"].clone();
        }
    }
    Ok(notebook)
}

/// The page as a notebook for myst-nb; `notebook` is what [`merged`] gave.
pub(crate) fn page(lesson: &Lesson, execution: &Execution, mut notebook: Value) -> Value {
    let mut all = Vec::new();
    for (i, cell) in lesson::cells(&notebook).iter().enumerate() {
        if cell["cell_type"] == "code" {
            all.push(figures_with_text(cell))
        } else {
            let mut cell = cell.clone();
            cell["source"] = prose::unmarked(&lesson::source(&cell)).into();
            all.push(cell)
        }
        if i == 0 {
            all.push(markdown("gallery-top", &top(lesson, execution)));
        }
    }
    all.push(markdown("gallery-run", &account(lesson, execution)));
    notebook["cells"] = all.into();
    notebook
}

/// The outputs of a notebook with other words for `paths`: where this machine keeps its folders is nobody's
/// affair.
pub(crate) fn without_paths(mut notebook: Value, paths: &[(String, &str)]) -> Value {
    for cell in notebook["cells"].as_array_mut().into_iter().flatten() {
        if cell["outputs"].is_array() {
            reword(&mut cell["outputs"], paths);
        }
    }
    notebook
}

fn reword(value: &mut Value, paths: &[(String, &str)]) {
    match value {
        Value::String(text) => {
            for (path, word) in paths.iter().filter(|(path, _)| path.len() > 1) {
                if text.contains(path) {
                    *text = text.replace(path, word);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|value| reword(value, paths)),
        Value::Object(all) => all.values_mut().for_each(|value| reword(value, paths)),
        _ => (),
    }
}

fn markdown(id: &str, text: &str) -> Value {
    json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": text})
}

/// What the reader has to know of the run before anything else, in one line; and the downloads.
fn top(lesson: &Lesson, execution: &Execution) -> String {
    let (name, run) = (&lesson.name, &execution.run);
    let mut text = String::new();
    for warning in warnings(execution) {
        let _ = writeln!(text, ":::{{admonition}} Not a result\n:class: warning\n{warning}\n:::\n");
    }
    let _ = write!(text, "*Run on {} in {}.* ", day(run), duration(run["seconds"].as_f64()));
    let _ = writeln!(
        text,
        "Download: {{download}}`notebook <../downloads/{name}.ipynb>`, \
         {{download}}`Rust program <../downloads/{name}/{name}.rs>`, \
         {{download}}`its Cargo.toml <../downloads/{name}/Cargo.toml>`"
    );
    text
}

/// What says that the numbers are no results.
fn warnings(execution: &Execution) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(stand_ins) = execution.stand_ins() {
        warnings.push(format!(
            "This run had *{stand_ins}*, made from formulas. It shows that the lesson runs; its \
             accuracies say nothing about CIFAR-10 or the published models."
        ));
    }
    if execution.run["quick"] == true {
        warnings.push(
            "This is a *short run* on few images, to see that everything works; its numbers \
             say nothing."
                .to_owned(),
        );
    }
    warnings
}

/// The end of the page: times, memory, machine, versions, seeds, data.
fn account(lesson: &Lesson, execution: &Execution) -> String {
    let run = &execution.run;
    let cells = run["cells"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |key: &str| cells.iter().filter_map(|cell| cell[key].as_f64()).sum::<f64>();
    let mut rows =
        vec![("date", day(run)), ("total running time", duration(run["seconds"].as_f64()))];
    if cells.iter().any(|cell| cell["run_seconds"].is_number()) {
        rows.push(("of this, cells compile", duration(Some(sum("compile_seconds")))));
        rows.push(("of this, cells run", duration(Some(sum("run_seconds")))));
    }
    for (part, what) in
        [("cells", "peak memory of the cells"), ("kernel", "peak memory of the kernel")]
    {
        let known = run["memory_mb"][part].as_f64().map(|megabytes| format!("{megabytes:.0} MB"));
        rows.push((what, known.unwrap_or_else(|| "not measured on this system".to_owned())));
    }
    rows.push(("machine", machine(&run["machine"])));
    rows.push(("versions", versions(&run["versions"])));
    let seeds: Vec<String> = lesson.seeds().iter().map(|line| format!("`{line}`")).collect();
    rows.push((
        "seeds",
        if seeds.is_empty() { "see the code".to_owned() } else { seeds.join(" ") },
    ));
    let mut data = lesson.data().join(", ");
    if let Some(stand_ins) = execution.stand_ins() {
        let _ = write!(data, ", with {stand_ins} instead");
    }
    rows.push(("data", data));
    if run["quick"] == true {
        rows.push(("setting", "quick: few images".to_owned()));
    }
    let mut text = "## About this run\n\n| what | in this run |\n|---|---|\n".to_owned();
    for (what, found) in rows.iter().filter(|(_, found)| !found.is_empty()) {
        let _ = writeln!(text, "| {what} | {} |", found.replace('|', "\\|"));
    }
    text += "\nThe slowest cells:\n\n| cell begins with | compiled in | ran in | together |\n|---|---:|---:|---:|\n";
    let mut slowest: Vec<&Value> = cells.iter().collect();
    let seconds = |cell: &Value| cell["seconds"].as_f64().unwrap_or_default();
    slowest.sort_by(|a, b| seconds(b).total_cmp(&seconds(a)));
    for cell in slowest.into_iter().take(SLOWEST) {
        let first: String =
            cell["first_line"].as_str().unwrap_or_default().chars().take(60).collect();
        let first = first.replace('|', "\\|").replace('`', "'");
        let [compiled, ran] =
            ["compile_seconds", "run_seconds"].map(|key| match cell[key].as_f64() {
                Some(seconds) => format!("{seconds:.1} s"),
                None => "not known".to_owned(),
            });
        let _ = writeln!(text, "| `{first}` | {compiled} | {ran} | {:.1} s |", seconds(cell));
    }
    text
}

/// The date of the run, in words.
fn day(run: &Value) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let date = run["date"].as_str().unwrap_or_default();
    let parts: Vec<&str> = date.split(['-', 'T']).collect();
    match parts.as_slice() {
        [year, month, day, ..] => {
            let month =
                month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
            format!("{} {} {year}", day.trim_start_matches('0'), month.unwrap_or(&"?"))
        }
        _ => "an unknown day".to_owned(),
    }
}

fn machine(machine: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(machine["processor"].as_str().map(str::to_owned));
    parts.extend(machine["cores"].as_u64().map(|n| format!("{n} cores")));
    parts.extend(machine["memory_gb"].as_u64().map(|n| format!("{n} GB of memory")));
    parts.push(machine["gpu"].as_str().unwrap_or("no GPU").to_owned());
    parts.extend(machine["system"].as_str().map(str::to_owned));
    parts.join(", ")
}

fn versions(versions: &Value) -> String {
    let mut parts = Vec::new();
    for name in ["twoviews", "commit", "libtorch"] {
        parts.extend(versions[name].as_str().map(|version| format!("{name} {version}")));
    }
    parts.extend(versions["rustc"].as_str().map(str::to_owned));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson(prose: &str, code: &str) -> Lesson {
        let notebook = json!({"metadata": {}, "cells": [
            {"cell_type": "markdown", "id": "m", "source": prose, "metadata": {}},
            {"cell_type": "code", "id": "c", "source": code, "metadata": {}, "outputs": []},
        ]});
        Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook }
    }

    fn page_of(lesson: &Lesson, execution: &Execution) -> Value {
        page(lesson, execution, merged(lesson, execution).unwrap())
    }

    fn execution(outputs: Value) -> Execution {
        let mut notebook = lesson("# Old", "1").notebook;
        notebook["cells"][1]["outputs"] = outputs;
        let cells = [("a|b", 1.0), ("c", 9.0)].map(|(line, seconds)| {
            json!({"id": "c", "first_line": line, "seconds": seconds, "compile_seconds": 0.5, "run_seconds": seconds})
        });
        let run = json!({"date": "2026-03-05T10:00:00+00:00", "seconds": 119.7, "cells": cells,
            "memory_mb": {"cells": 512, "kernel": null}, "fake_hub": false, "quick": false});
        Execution { notebook, run, drawings: Vec::new() }
    }

    #[test]
    fn new_prose_meets_the_outputs_of_unchanged_code_only() {
        let kept = execution(json!([{"output_type": "stream", "name": "stdout", "text": "out"}]));
        let merged_with = |prose, code| merged(&lesson(prose, code), &kept).unwrap();
        let page = merged_with("# New", "1");
        assert_eq!(page["cells"][0]["source"], "# New");
        assert_eq!(page["cells"][1]["outputs"][0]["text"], "out");
        assert_eq!(merged_with("# New", "2")["cells"][0]["source"], "# Old");
    }

    #[test]
    fn folders_of_this_machine_are_not_told() {
        let outputs =
            json!([{"output_type": "stream", "text": ["at /home/me/x/data", "and /home/me/y"]}]);
        let paths = [
            ("/home/me/x".to_owned(), "twoviews"),
            ("/home/me".to_owned(), "~"),
            (String::new(), "no"),
        ];
        let notebook = without_paths(execution(outputs).notebook, &paths);
        let text = &notebook["cells"][1]["outputs"][0]["text"];
        assert_eq!(*text, json!(["at twoviews/data", "and ~/y"]));
    }

    #[test]
    fn the_account_tells_times_memory_and_the_slowest_cells_first() {
        let text = account(&lesson("# T", "let seed: u32 = 42;"), &execution(json!([])));
        assert!(text.contains("| total running time | 2 min 00 s |"), "{text}");
        assert!(text.contains("| of this, cells compile | 1.0 s |"), "{text}");
        assert!(text.contains("| peak memory of the cells | 512 MB |"), "{text}");
        assert!(text.contains("| peak memory of the kernel | not measured"), "{text}");
        assert!(
            text.contains("| date | 5 March 2026 |") && text.contains("let seed: u32 = 42;"),
            "{text}"
        );
        assert!(text.find("| `c` |").unwrap() < text.find("| `a\\|b` |").unwrap(), "{text}");
    }

    #[test]
    fn runs_that_are_no_results_get_a_warning() {
        let mut kept = execution(json!([]));
        let lesson = lesson("# T", "1");
        assert!(!top(&lesson, &kept).contains("Not a result"));
        kept.run["fake_hub"] = true.into();
        let text = top(&lesson, &kept);
        assert!(text.contains("had *generated weights*") && text.contains("07_x.rs"), "{text}");
        kept.run["quick"] = true.into();
        assert_eq!(warnings(&kept).len(), 2);
        assert!(account(&lesson, &kept).contains("with generated data and weights instead"));
    }

    #[test]
    fn figures_get_a_text() {
        let svg = "<svg width=\"9\">\n</svg>";
        let kept = execution(json!([
            {"output_type": "display_data", "metadata": {}, "data": {"text/html": [svg], "text/plain": "A \"b\""}},
            {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "encode \u{2501}\u{2501} 9/9"}},
            {"output_type": "display_data", "metadata": {"alt": "own"}, "data": {"image/svg+xml": svg, "image/png": "x"}},
        ]));
        let page = page_of(&lesson("# T", "1"), &kept);
        let outputs = &page["cells"][2]["outputs"];
        assert!(
            outputs[0]["data"]["text/html"]
                .as_str()
                .unwrap()
                .starts_with("<svg role=\"img\" aria-label=\"A &quot;b&quot;\"")
        );
        assert!(outputs[1]["data"]["text/html"].as_str().unwrap().contains("aria-label=\"own\""));
        assert!(outputs[1]["data"]["image/png"].is_null());
        let kept = execution(
            json!([{"output_type": "execute_result", "metadata": {}, "data": {"image/png": "x", "text/plain": "ImageGrid(2 images)"}}]),
        );
        let page = page_of(&lesson("# T", "1"), &kept);
        assert_eq!(page["cells"][2]["metadata"]["mystnb"]["image"]["alt"], "ImageGrid(2 images)");
    }
}
