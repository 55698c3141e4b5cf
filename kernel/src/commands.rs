//! Commands that this kernel knows better than evcxr: `:vars` and `:help`.

use evcxr::CommandContext;
use serde_json::{Value, json};

/// MIME type of what the code of [`measure`] prints.
pub(crate) const MEASURES: &str = "application/x-twoviews-variables";

/// The commands of which evcxr's own list says less or nothing.
pub(crate) const HELP: [(&str, &str); 3] = [
    (":help", "this list"),
    (":vars", "all variables: type, bytes, and of tensors shape, kind and device"),
    (":timing", "toggles a line after each cell with the time to compile and to run it"),
];

/// A variable's name and type.
pub(crate) type Variable = (String, String);

/// All variables, sorted by name.
pub(crate) fn variables(context: &CommandContext) -> Vec<Variable> {
    let mut all: Vec<Variable> = context
        .variables_and_types()
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    all.sort();
    all
}

/// Code that prints a line for each variable: shape, kind, device (all empty but for tensors) and
/// bytes.
pub(crate) fn measure(variables: &[Variable]) -> String {
    let mut code = String::from("{ let mut rows = String::new();\n");
    for (name, kind) in variables {
        let outer = kind.split('<').next().unwrap_or_default();
        let row = match outer.rsplit("::").next().unwrap_or_default().trim() {
            "Tensor" => format!(
                "if {name}.defined() {{ format!(\"{{:?}}\\t{{:?}}\\t{{:?}}\\t{{}}\\n\", {name}.size(), \
                 {name}.kind(), {name}.device(), {name}.numel() * {name}.kind().elt_size_in_bytes()) }} \
                 else {{ \"undefined\\t\\t\\t0\\n\".to_owned() }}"
            ),
            // What they own counts, too, one level deep.
            "Vec" => format!(
                "format!(\"\\t\\t\\t{{}}\\n\", std::mem::size_of_val(&{name}) + std::mem::size_of_val({name}.as_slice()))"
            ),
            "String" => format!(
                "format!(\"\\t\\t\\t{{}}\\n\", std::mem::size_of_val(&{name}) + {name}.len())"
            ),
            _ => format!("format!(\"\\t\\t\\t{{}}\\n\", std::mem::size_of_val(&{name}))"),
        };
        code.push_str(&format!("rows.push_str(&{row});\n"));
    }
    code.push_str(&format!(
        "println!(\"EVCXR_BEGIN_CONTENT {MEASURES}\\n{{rows}}\\nEVCXR_END_CONTENT\"); }};"
    ));
    code
}

/// The table of all variables; `measures` is what the code of [`measure`] printed.
pub(crate) fn table(variables: &[Variable], measures: &str) -> Value {
    let head = ["variable", "type", "shape", "kind", "device", "bytes"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for (i, (name, kind)) in variables.iter().enumerate() {
        let mut row = vec![name.clone(), kind.clone()];
        row.extend(measures.lines().nth(i).unwrap_or("\t\t\t").split('\t').map(str::to_owned));
        rows.push(row);
    }
    if variables.is_empty() {
        return json!({"text/plain": "no variables"});
    }
    data(&rows)
}

/// The list of commands; `evcxr` is evcxr's own, a line for each.
pub(crate) fn help(evcxr: &str) -> Value {
    let mut rows: Vec<Vec<String>> = vec![vec!["command".to_owned(), "what it does".to_owned()]];
    rows.extend(HELP.map(|(name, what)| vec![name.to_owned(), what.to_owned()]));
    for line in evcxr.lines() {
        let (name, what) = line.split_once(' ').unwrap_or((line, ""));
        if HELP.iter().all(|(own, _)| *own != name) {
            rows.push(vec![name.to_owned(), what.trim().to_owned()]);
        }
    }
    data(&rows)
}

/// A table, as text and as HTML; the first row is its head.
fn data(rows: &[Vec<String>]) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_a_table() {
        let variables = [("n", "Vec<u8>"), ("x", "twoviews::tch::Tensor")]
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        let code = measure(&variables);
        assert!(code.contains("n.as_slice()") && code.contains("x.device()"), "{code}");
        let table = table(&variables, "\t\t\t27\n[2, 3]\tFloat\tCpu\t24\n");
        let text = table["text/plain"].as_str().unwrap();
        let words: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["n", "Vec<u8>", "27"]);
        assert_eq!(words[2], ["x", "twoviews::tch::Tensor", "[2,", "3]", "Float", "Cpu", "24"]);
        assert!(table["text/html"].as_str().unwrap().contains("Vec&lt;u8&gt;"));
    }

    #[test]
    fn help_names_each_command_once() {
        let help = help(":vars             old words\n:dep              Add dependency\n");
        let text = help["text/plain"].as_str().unwrap();
        assert_eq!(text.matches(":vars").count(), 1);
        assert!(text.contains(":dep") && !text.contains("old words"), "{text}");
    }
}
