//! Tables that commands show.

use serde_json::{Value, json};

/// A table, as text and as HTML; the first row is its head.
pub(super) fn table(rows: &[Vec<String>]) -> Value {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| {
        rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    let mut html = String::from("<table>");
    for (i, row) in rows.iter().enumerate() {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
        let tag = if i == 0 { "th" } else { "td" };
        let cells = row
            .iter()
            .map(|cell| format!("<{tag} style=\"text-align:left\">{}</{tag}>", escape(cell)));
        html.push_str(&format!("<tr>{}</tr>", cells.collect::<String>()));
    }
    html.push_str("</table>");
    json!({"text/plain": text.trim_end(), "text/html": html})
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
