//! The figures of a lesson's run, with words for those who do not see them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::execution::Execution;
use xtask::lessons::lesson::{self, Lesson, text};

/// A cell of code whose figures have a text for those who do not see them: drawings are put into the
/// page itself, where its colours reach them, pictures get the text by way of the cell.
pub(crate) fn figures_with_text(cell: &Value) -> Value {
    let mut cell = cell.clone();
    let mut pictures = None;
    if let Some(outputs) = cell["outputs"].as_array_mut() {
        outputs.retain(|output| !is_bar(output));
    }
    for output in cell["outputs"].as_array_mut().into_iter().flatten() {
        let alt = alt(output);
        let drawing = drawing(output);
        let Some(data) = output["data"].as_object_mut() else { continue };
        if let Some(svg) = drawing {
            *data =
                serde_json::Map::from_iter([("text/html".to_owned(), labelled(&svg, &alt).into())]);
        } else if data.keys().any(|mime| mime.starts_with("image/")) {
            pictures = Some(alt);
        }
    }
    if let Some(alt) = pictures {
        cell["metadata"]["mystnb"] = json!({"image": {"alt": alt}});
    }
    cell
}

/// What a progress bar leaves behind when it has come to its end: nothing to read.
fn is_bar(output: &Value) -> bool {
    let data = output["data"].as_object();
    output["output_type"] == "display_data"
        && data.is_some_and(|data| data.len() == 1)
        && text(&output["data"]["text/plain"]).contains("\u{2501}\u{2501}")
}

/// The lesson's main figure: the one that it names, or else the first that it has saved, or else the last
/// that it has shown.
pub(crate) fn main_figure(lesson: &Lesson, execution: &Execution) -> Result<Option<String>> {
    let named = |path: &&PathBuf| path.file_stem().and_then(|it| it.to_str()) == lesson.figure();
    let drawings = &execution.drawings;
    if let Some(path) = drawings.iter().find(named).or(drawings.first()) {
        let drawing = fs::read_to_string(path);
        return drawing.map(Some).with_context(|| format!("reading {}", path.display()));
    }
    let cells = lesson::cells(&execution.notebook).iter();
    let outputs = cells.filter_map(|cell| cell["outputs"].as_array()).flatten();
    Ok(outputs.filter_map(drawing).next_back())
}

/// The text that a drawing brings.
pub(crate) fn text_of(svg: &str) -> Option<String> {
    let (_, after) = svg.split('>').next()?.split_once("aria-label=\"")?;
    let text = after.split('"').next()?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(text.replace("&amp;", "&")).filter(|text| !text.trim().is_empty())
}

/// The drawing of an output, if it has one.
fn drawing(output: &Value) -> Option<String> {
    ["image/svg+xml", "text/html"]
        .into_iter()
        .map(|mime| text(&output["data"][mime]))
        .filter_map(|text| Some(text[text.find("<svg")?..].to_owned()).filter(|_| is_svg(&text)))
        .next()
}

/// Whether a text is a drawing: it may have a declaration before it.
fn is_svg(text: &str) -> bool {
    text.trim_start().starts_with("<svg") || text.trim_start().starts_with("<?xml")
}

/// The text for a figure: what the plot says of itself, or what it shows where there are no pictures.
fn alt(output: &Value) -> String {
    let own = output["metadata"]["alt"].as_str().map(str::to_owned);
    let plain = || text(&output["data"]["text/plain"]).trim().to_owned();
    let alt = own.unwrap_or_else(plain).replace('\n', " ");
    if alt.is_empty() { "figure".to_owned() } else { alt }
}

/// A drawing with its text, unless it brings one.
fn labelled(svg: &str, alt: &str) -> String {
    let head = &svg[..svg.find('>').unwrap_or(svg.len())];
    if head.contains("aria-label") {
        return svg.to_owned();
    }
    let alt = alt.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    svg.replacen("<svg", &format!("<svg role=\"img\" aria-label=\"{alt}\""), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(outputs: Value) -> Execution {
        let notebook = json!({"cells": [{"cell_type": "code", "id": "c", "outputs": outputs}]});
        Execution { notebook, run: Value::Null, drawings: Vec::new() }
    }

    #[test]
    fn the_main_figure_is_the_named_the_first_saved_or_the_last_shown() {
        let place = tempfile::tempdir().unwrap();
        let notebook = json!({"metadata": {}, "cells": []});
        let mut lesson = Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook };
        let shown = |n| json!({"output_type": "display_data", "data": {"image/svg+xml": format!("<?xml?>\n<svg {n}>")}});
        let mut kept =
            execution(json!([shown(1), shown(2), {"output_type": "stream", "text": "x"}]));
        assert_eq!(main_figure(&lesson, &kept).unwrap().unwrap(), "<svg 2>");
        for name in ["a.svg", "b.svg"] {
            let path = place.path().join(name);
            fs::write(&path, format!("<svg {name}>")).unwrap();
            kept.drawings.push(path);
        }
        assert_eq!(main_figure(&lesson, &kept).unwrap().unwrap(), "<svg a.svg>");
        lesson.notebook["metadata"]["twoviews"]["figure"] = "b".into();
        assert_eq!(main_figure(&lesson, &kept).unwrap().unwrap(), "<svg b.svg>");
        let nothing = execution(json!([]));
        assert_eq!(main_figure(&lesson, &nothing).unwrap(), None);
        let text = text_of("<svg aria-label=\"a &lt; &quot;b&quot; &amp; c\">");
        assert_eq!(
            (text.as_deref(), text_of("<svg>x aria-label=\"y\"")),
            (Some("a < \"b\" & c"), None)
        );
    }
}
