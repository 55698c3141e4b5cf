//! The list of commands.

use serde_json::Value;

use super::table::table;

/// The commands of which evcxr's own list says less or nothing.
pub(crate) const HELP: [(&str, &str); 8] = [
    (":help", "this list"),
    (":vars", "all variables: type, bytes, and of tensors shape, kind and device"),
    (":why", "what became of a variable: `:why NAME`"),
    (":timing", "toggles a line after each cell with the time to compile and to run it"),
    (":opt", "how far cells are optimised: `:opt 0` to `:opt 3`; variables and crates stay"),
    (":fmt", "how values are shown, such as `:fmt {:#?}`; `:fmt {:?}` as at first"),
    (":types", "toggles the type before each value"),
    (":quit", "ends a console; a notebook's kernel is shut down by Jupyter"),
];

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
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_each_command_once() {
        let help = help(":vars             old words\n:dep              Add dependency\n");
        let text = help["text/plain"].as_str().unwrap();
        assert_eq!(text.matches(":vars").count(), 1);
        assert!(text.contains(":dep") && !text.contains("old words"), "{text}");
    }
}
