//! The commands of a cell (`:dep …`), apart from its code.

use super::boundaries::{is_blank, is_complete_so_far};

/// A line of a cell that is no Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// From 1.
    pub line: usize,
    /// From the colon on.
    pub text: String,
    /// Whether code stands before it.
    pub after_code: bool,
}

impl Command {
    /// `:dep` of `:dep a = "1"`.
    pub(crate) fn name(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }

    /// What follows the name.
    pub(crate) fn arguments(&self) -> &str {
        self.text[self.name().len()..].trim()
    }
}

/// Takes the commands out of a cell; their lines stay, empty.
///
/// A command is a line that begins with a colon and a name where a statement may begin: not in a
/// comment, a text, brackets or an unfinished expression, so that `::std::mem::drop(x)` and
/// `let x\n    : i32 = 1;` are Rust.
pub(crate) fn split(cell: &str) -> (Vec<Command>, String) {
    let (mut commands, mut code) = (Vec::new(), String::with_capacity(cell.len()));
    let mut has_code = false;
    for (number, line) in cell.split('\n').enumerate() {
        if number > 0 {
            code.push('\n');
        }
        if is_command(line) && is_complete_so_far(&code) {
            let text = line.trim().to_owned();
            commands.push(Command { line: number + 1, text, after_code: has_code });
        } else {
            code.push_str(line);
            has_code = has_code || !is_blank(line);
        }
    }
    (commands, code)
}

fn is_command(line: &str) -> bool {
    let name = line.trim_start().strip_prefix(':');
    name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cell: &str) -> Vec<String> {
        split(cell).0.into_iter().map(|command| command.text).collect()
    }

    #[test]
    fn commands_are_found_wherever_a_statement_may_begin() {
        let dep = [":dep a = \"1\""];
        for cell in [
            ":dep a = \"1\"",
            "   :dep a = \"1\"  ",
            "// comment\n  // more\n:dep a = \"1\"\nuse a::b;",
            "/* block\n comment */\n:dep a = \"1\"",
            "\n\n\t:dep a = \"1\"\n1 + 1",
            "let x = 1;\n:dep a = \"1\"",
            "fn f() {\n}\n:dep a = \"1\"\nf()",
            "#![allow(unused)]\n:dep a = \"1\"",
            "x\n:dep a = \"1\"",
            "v[0]\n:dep a = \"1\"",
        ] {
            assert_eq!(texts(cell), dep, "{cell}");
            assert_eq!(split(cell).1.matches('\n').count(), cell.matches('\n').count());
        }
        let (commands, code) = split("let x = 1;\n:vars\nx");
        assert_eq!((commands[0].line, commands[0].after_code), (2, true));
        assert_eq!(code, "let x = 1;\n\nx");
        assert_eq!((commands[0].name(), split(":opt 3").0[0].arguments()), (":vars", "3"));
    }

    #[test]
    fn rust_is_no_command() {
        for cell in [
            "::std::mem::drop(1);",
            "let x\n    :i32 = 1;",
            "struct A {\n  a\n  :u8 }",
            "let s = \"\n:dep a\n\";",
            "/*\n:dep a\n*/ 1",
            "!flag",
            "let s = r#\"\n:dep\n\"#;",
            "f(\n:x)",
            "trait A\n:B {}",
            "x +\n:dep",
        ] {
            assert_eq!(texts(cell), [""; 0], "{cell}");
        }
    }
}
