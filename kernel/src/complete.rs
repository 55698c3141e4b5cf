//! Whether a piece of code is finished, for `is_complete_request`.

use serde_json::{Value, json};

/// The content of an `is_complete_reply`.
pub(crate) fn reply(code: &str) -> Value {
    match state(code) {
        State::Complete => json!({"status": "complete"}),
        State::Invalid => json!({"status": "invalid"}),
        State::Incomplete(depth) => {
            json!({"status": "incomplete", "indent": "    ".repeat(depth)})
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Complete,
    /// More is needed, at this depth of brackets.
    Incomplete(usize),
    Invalid,
}

/// Follows brackets, strings, characters and comments.
fn state(code: &str) -> State {
    if code.trim_start().starts_with(':') {
        return State::Complete;
    }
    let characters: Vec<char> = code.chars().collect();
    let (mut open, mut i) = (Vec::new(), 0);
    let at = |i: usize| characters.get(i).copied().unwrap_or('\0');
    let mut last = ' ';
    while i < characters.len() {
        let next = match at(i) {
            '/' if at(i + 1) == '/' => end_of_line(&characters, i),
            '/' if at(i + 1) == '*' => match end_of_comment(&characters, i) {
                Some(end) => end,
                None => return State::Incomplete(open.len()),
            },
            'r' if matches!(at(i + 1), '"' | '#') && !is_word(last) => {
                match end_of_raw_string(&characters, i + 1) {
                    Some(end) => end,
                    None => return State::Incomplete(open.len()),
                }
            }
            '"' => match end_of_quoted(&characters, i, '"') {
                Some(end) => end,
                None => return State::Incomplete(open.len()),
            },
            // A character has a closing quote soon; a lifetime has none.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                end_of_quoted(&characters, i, '\'').unwrap_or(i + 1)
            }
            bracket @ ('(' | '[' | '{') => {
                open.push(bracket);
                i + 1
            }
            bracket @ (')' | ']' | '}') => {
                let matching = match bracket {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.pop() != Some(matching) {
                    return State::Invalid;
                }
                i + 1
            }
            _ => i + 1,
        };
        let skipped_comment = at(i) == '/' && next > i + 1;
        if !skipped_comment && !at(next - 1).is_whitespace() {
            last = at(next - 1);
        }
        i = next;
    }
    if !open.is_empty() {
        return State::Incomplete(open.len());
    }
    let asks_for_more =
        matches!(last, '=' | '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | ',' | '.' | '<');
    if asks_for_more { State::Incomplete(0) } else { State::Complete }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn end_of_line(code: &[char], from: usize) -> usize {
    code[from..].iter().position(|&c| c == '\n').map_or(code.len(), |n| from + n + 1)
}

/// Comments nest.
fn end_of_comment(code: &[char], from: usize) -> Option<usize> {
    let (mut depth, mut i) = (0, from);
    while i + 1 < code.len() {
        match (code[i], code[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => {
                (depth, i) = (depth - 1, i + 2);
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => i += 1,
        }
    }
    None
}

fn end_of_quoted(code: &[char], from: usize, quote: char) -> Option<usize> {
    let mut i = from + 1;
    while i < code.len() {
        match code[i] {
            '\\' => i += 2,
            c if c == quote => return Some(i + 1),
            _ => i += 1,
        }
    }
    None
}

/// `from` is at the first `#` or quote; `r#name` is no string.
fn end_of_raw_string(code: &[char], from: usize) -> Option<usize> {
    let hashes = code[from..].iter().take_while(|&&c| c == '#').count();
    if code.get(from + hashes) != Some(&'"') {
        return Some(from + hashes);
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let start = from + hashes + 1;
    code[start..].windows(end.len()).position(|w| w == end).map(|n| start + n + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_code_asks_for_more() {
        for code in [
            "1",
            "let x = vec![1, 2];",
            "fn f() -> u8 { 1 }",
            ":dep x = \"1\"",
            "'a'",
            "'\\''",
            "// {",
            "let s: &'static str = \"}\";",
            "r#\"\"{\"#",
            "/* /* { */ */ 1",
            "let r#type = 1;",
            "",
        ] {
            assert_eq!(state(code), State::Complete, "{code}");
        }
        for (code, depth) in [
            ("fn f() {", 1),
            ("vec![(1,", 2),
            ("\"abc", 0),
            ("/* a", 0),
            ("let x =", 0),
            ("r#\"a\"", 0),
            ("a\n    .b().", 0),
            ("f(\"(\"", 1),
        ] {
            assert_eq!(state(code), State::Incomplete(depth), "{code}");
        }
        for code in ["}", "(]", "fn f() { ) }"] {
            assert_eq!(state(code), State::Invalid, "{code}");
        }
    }
}
