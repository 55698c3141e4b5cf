//! Commands: those that this kernel knows better than evcxr, and evcxr's own.

use evcxr::CommandContext;
use serde_json::{Value, json};

use crate::build::cargo::LEVEL;
use crate::evaluator::engine::Engine;
use crate::evaluator::engine::prelude;
use crate::evaluator::errors::Failure;
use crate::evaluator::execute::Request;
use crate::evaluator::notebook::ledger::Event;
use crate::source::commands::Command;

/// MIME type of what the code of [`measure`] prints.
pub(crate) const MEASURES: &str = "application/x-twoviews-variables";

/// The commands of which evcxr's own list says less or nothing.
pub(crate) const HELP: [(&str, &str); 7] = [
    (":help", "this list"),
    (":vars", "all variables: type, bytes, and of tensors shape, kind and device"),
    (":why", "what became of a variable: `:why NAME`"),
    (":timing", "toggles a line after each cell with the time to compile and to run it"),
    (":opt", "how far cells are optimised: `:opt 0` to `:opt 3`; variables and crates stay"),
    (":fmt", "how values are shown, such as `:fmt {:#?}`; `:fmt {:?}` as at first"),
    (":types", "toggles the type before each value"),
];

/// Commands that change nothing: where code stands before them, they are answered after it.
pub(crate) fn only_asks(command: &Command) -> bool {
    [":vars", ":why", ":type", ":t", ":doc", ":help", ":explain", ":show_deps"]
        .contains(&command.name())
}

impl Engine {
    /// Answers a command.
    pub(crate) fn command(&mut self, command: &Command, request: &Request) -> Result<(), Failure> {
        let arguments = command.arguments();
        let failed = |message: &str| {
            let line = request.code.lines().nth(command.line - 1).unwrap_or_default();
            Failure::new("Error", message, &[format!("{} | {line}", command.line)])
        };
        match command.name() {
            ":vars" => {
                let variables = self.variables();
                let outcome = self.hidden(&measure(&variables));
                self.show(table(&variables, &outcome.measures.unwrap_or_default()));
            }
            ":why" => {
                let name = arguments.trim_matches('`');
                let Some(why) = self.notebook.ledger.why(name) else {
                    let known: Vec<&str> = self.notebook.ledger.names().collect();
                    return Err(failed(&match name {
                        "" => format!("which variable? `:why NAME`, of {}", known.join(", ")),
                        _ => format!("no cell has bound `{name}`; known are {}", known.join(", ")),
                    }));
                };
                self.show(json!({"text/plain": why}));
            }
            // evcxr would end this process, and Jupyter start another.
            ":quit" => {
                return Err(failed(
                    "a notebook's kernel is shut down by Jupyter: Kernel, Shut Down Kernel",
                ));
            }
            ":timing" => {
                self.settings.timing = !self.settings.timing;
                self.show(json!({"text/plain": format!("Timing: {}", self.settings.timing)}));
            }
            ":opt" => {
                let present = self.settings.level.as_deref().unwrap_or("2");
                let level = match arguments {
                    // As evcxr does.
                    "" if present == "2" => "0",
                    "" => "2",
                    level if ["0", "1", "2", "3", "s", "z"].contains(&level) => level,
                    other => {
                        return Err(failed(&format!(
                            "`{other}` is no level of optimisation: 0, 1, 2, 3, s or z"
                        )));
                    }
                }
                .to_owned();
                // Crates keep theirs, and so do the types of variables.
                self.evcxr(&format!(":build_env {LEVEL}={level}"))
                    .map_err(|error| failed(&error))?;
                self.show(json!({"text/plain": format!("Optimization: {level}")}));
                self.settings.level = Some(level);
            }
            ":fmt" | ":types" => {
                let shown = &mut self.settings.shown;
                match (command.name(), arguments) {
                    (":types", _) => shown.types = !shown.types,
                    (_, "") => {}
                    (_, format) if format.contains('{') && format.contains('}') => {
                        shown.format = format.to_owned();
                    }
                    (_, other) => {
                        return Err(failed(&format!(
                            "`{other}` is no format: write `:fmt {{:?}}`, `:fmt {{:#?}}` or `:fmt {{}}`"
                        )));
                    }
                }
                let text = format!("Format: {}, types: {}", shown.format, shown.types);
                let module = prelude::module(shown);
                self.hidden(&module);
                self.show(json!({"text/plain": text}));
            }
            _ => {
                let (process, count) = (self.process(), request.cell.execution_count);
                let before = self.variables();
                let shown = self.evcxr(&command.text).map_err(|error| failed(&error))?;
                match (command.name(), shown) {
                    (":help", Some(shown)) => {
                        self.show(help(shown["text/plain"].as_str().unwrap_or_default()));
                    }
                    (_, Some(shown)) => self.show(shown),
                    (_, None) => {}
                }
                // `:clear` or `:restart` began a new process.
                if self.process() != process {
                    if command.name() == ":clear" {
                        self.notebook.clear();
                    }
                    for (name, _) in &before {
                        let cause = format!("`{}` began a new process", command.name());
                        self.notebook.ledger.note(
                            name,
                            count,
                            Some(command.line),
                            Event::Lost { cause },
                        );
                    }
                    self.notebook.hold(&[]);
                    self.prepare_process();
                }
            }
        }
        Ok(())
    }

    fn show(&self, data: Value) {
        self.outputs
            .publish("display_data", json!({"data": data, "metadata": {}, "transient": {}}));
    }

    /// Gives evcxr a command; what it answers.
    fn evcxr(&mut self, command: &str) -> Result<Option<Value>, String> {
        let Some(context) = &mut self.context else { return Err("evcxr is not ready".to_owned()) };
        let result = context.execute(command);
        self.outputs.end_build();
        let shown = result.map_err(|error| error.to_string().trim().to_owned())?;
        let answer = &shown.content_by_mime_type;
        Ok((!answer.is_empty()).then(|| json!(answer)))
    }
}

/// Why evcxr cannot keep a variable, in other words than its own.
pub(crate) fn cannot_keep(name: &str, message: &str) -> String {
    if message.contains("is a closure") {
        format!(
            "`{name}` is a closure, whose type has no name by which it could be kept: make it a function, \
             write `let {name}: Box<dyn Fn(…) -> …> = Box::new(…);`, or put the code in braces"
        )
    } else if message.contains("determine type") {
        format!("the type of `{name}` could not be found out: write it out, `let {name}: … = …;`")
    } else {
        let kind = message.split('`').nth(3).unwrap_or("another");
        format!(
            "`{name}` has the type `{kind}`, which has no name by which it could be kept: box it, as in \
             `let {name}: Box<dyn …> = Box::new(…);`, await a future in the same line, or put the code in \
             braces"
        )
    }
}

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
