//! The tokens of a cell, as evcxr's own lexer finds them.

use std::ops::Range;

use ra_ap_parser::{LexedStr, SyntaxKind};

use crate::source::commands::split;
pub(crate) use crate::source::parse::EDITION;

/// Cells are the body of a function.
pub(crate) const BODY: &str = "fn f(){";
/// Parser and type inference call themselves for what is nested: deeper than anyone writes.
const DEEPEST: usize = 200;

/// A piece of a cell; whitespace and comments are pieces, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: SyntaxKind,
    pub range: Range<usize>,
    /// What the lexer has against it.
    pub error: Option<String>,
}

impl Token {
    pub(crate) fn is_trivia(&self) -> bool {
        self.kind.is_trivia()
    }

    pub(crate) fn is_word(&self) -> bool {
        self.kind == SyntaxKind::IDENT
            || self.kind == SyntaxKind::UNDERSCORE
            || self.kind.is_keyword(EDITION)
    }

    pub(crate) fn text<'a>(&self, code: &'a str) -> &'a str {
        &code[self.range.clone()]
    }

    /// A string, character or comment that the end of the cell cuts off.
    pub(crate) fn is_unterminated(&self) -> bool {
        self.error.as_deref().is_some_and(|error| {
            error.starts_with("Missing trailing") || error == "Invalid raw string literal"
        })
    }
}

/// All pieces of `code`, in order and without gaps.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    // In a body: no line is taken for a shebang or a front matter.
    let text = format!("{BODY}{code}");
    let lexed = LexedStr::new(EDITION, &text);
    (0..lexed.len())
        .filter(|&i| lexed.text_start(i) >= BODY.len())
        .map(|i| {
            let range = lexed.text_range(i);
            Token {
                kind: lexed.kind(i),
                range: range.start - BODY.len()..range.end - BODY.len(),
                error: lexed.error(i).map(str::to_owned),
            }
        })
        .collect()
}

/// The bracket that closes another one.
pub(crate) fn closer(open: SyntaxKind) -> Option<SyntaxKind> {
    Some(match open {
        SyntaxKind::L_PAREN => SyntaxKind::R_PAREN,
        SyntaxKind::L_BRACK => SyntaxKind::R_BRACK,
        SyntaxKind::L_CURLY => SyntaxKind::R_CURLY,
        _ => return None,
    })
}

pub(crate) fn is_closer(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::R_PAREN | SyntaxKind::R_BRACK | SyntaxKind::R_CURLY)
}

/// Whether code is nested so deep that to parse it could exhaust the stack.
pub(crate) fn is_too_deep(tokens: &[Token]) -> bool {
    // Prefixes such as `!` and `|x|` nest without brackets, `else if` goes on behind them: how many
    // there are, and of them those of each open bracket.
    let (mut depth, mut levels) = (0_usize, vec![0_usize]);
    for token in tokens.iter().filter(|token| !token.is_trivia()) {
        let Some(level) = levels.last_mut() else { return false };
        match token.kind {
            SyntaxKind::SEMICOLON | SyntaxKind::COMMA => {
                depth -= *level;
                *level = 0;
            }
            kind if closer(kind).is_some() => {
                levels.push(1);
                depth += 1;
            }
            kind if is_closer(kind) => {
                let closed = if levels.len() > 1 { levels.pop() } else { None };
                depth -= closed.unwrap_or_default();
            }
            SyntaxKind::DOT => {}
            kind if kind.is_punct() || kind.is_keyword(EDITION) => {
                *level += 1;
                depth += 1;
            }
            _ => {}
        }
        if levels.len() > DEEPEST || depth > 8 * DEEPEST {
            return true;
        }
    }
    false
}

/// `code` with its commands (`:dep …`) blanked out: every other byte stays where it is.
pub(crate) fn without_commands(code: &str) -> String {
    let mut rust = code.to_owned();
    for line in commands(code) {
        rust.replace_range(line.clone(), &" ".repeat(line.len()));
    }
    rust
}

/// The lines of a cell that are commands, and a colon alone that is going to be one.
pub(crate) fn commands(code: &str) -> Vec<Range<usize>> {
    let numbers: Vec<usize> = split(code).0.iter().map(|command| command.line).collect();
    let (mut found, mut start) = (Vec::new(), 0);
    for (i, line) in code.split_inclusive('\n').enumerate() {
        if numbers.contains(&(i + 1)) || line.trim() == ":" {
            found.push(start..start + line.trim_end_matches(['\n', '\r']).len());
        }
        start += line.len();
    }
    found
}

/// Jupyter counts characters, Rust bytes.
pub(crate) fn byte_offset(code: &str, characters: usize) -> usize {
    code.char_indices().nth(characters).map_or(code.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out() {
        for code in
            ["", "#!/bin/sh", "---\nx", "let ü = \"a\n", "x.0.1 >>= 'a // é", "}}{", "🦀 r#\"a"]
        {
            let all = tokens(code);
            assert_eq!(all.iter().map(|t| t.text(code)).collect::<String>(), code);
        }
        assert!(tokens("\"a").last().is_some_and(Token::is_unterminated));
        assert!(tokens("r#\"a\"").last().is_some_and(Token::is_unterminated));
        assert!(!tokens("\"\\q\"").last().is_some_and(Token::is_unterminated));
    }

    #[test]
    fn commands_are_blanked() {
        let code = "// first\n  :dep ü = \"1\"\r\n\n:vars\nlet x = 1;\n:dep too";
        let rust = without_commands(code);
        assert_eq!(rust.len(), code.len());
        assert!(
            rust.starts_with("// first\n  ") && rust.ends_with("\r\n\n     \nlet x = 1;\n        ")
        );
        assert!(commands("::std::mem::drop(1)").is_empty());
        assert_eq!(commands(":").len(), 1);
    }

    #[test]
    fn depth_is_bounded() {
        assert!(is_too_deep(&tokens(&"(".repeat(1000))));
        assert!(is_too_deep(&tokens(&"!".repeat(5000))));
        assert!(is_too_deep(&tokens(&"if a {} else ".repeat(1000))));
        let often = format!("{}1, {}(", "!".repeat(700), "!".repeat(700));
        assert!(is_too_deep(&tokens(&often.repeat(3))));
        assert!(!is_too_deep(&tokens(&"f(a, -b)[1].c();".repeat(1000))));
        assert!(!is_too_deep(&tokens(&"(-a, ".repeat(150))));
        assert!(!is_too_deep(&tokens(&"a + ".repeat(1000))));
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!((byte_offset("äb", 1), byte_offset("äb", 9)), (2, 3));
    }
}
