//! Whether a piece of code is finished, for `is_complete_request`.

use ra_ap_parser::{LexedStr, Step, SyntaxKind, TopEntryPoint};

use crate::protocol::IsComplete;
use crate::source::tokens::{
    BODY, EDITION, Token, closer, is_closer, is_too_deep, tokens, without_commands,
};

/// `fn`, `f`, `(`, `)` and `{`.
const BODY_TOKENS: usize = 5;
/// What may follow a token so that both are one.
const LONGER: [(&str, &[&str]); 14] = [
    ("=", &["==", "=>"]),
    ("!", &["!="]),
    ("<", &["<=", "<<", "<<=", "<-"]),
    (">", &[">=", ">>", ">>="]),
    ("&", &["&&", "&="]),
    ("|", &["||", "|="]),
    (":", &["::", "::<"]),
    (".", &["..", "..="]),
    ("-", &["->", "-="]),
    ("+", &["+="]),
    ("*", &["*="]),
    ("/", &["/="]),
    ("%", &["%="]),
    ("^", &["^="]),
];
/// What a word may become; any other name will do for `name_`.
const KEYWORDS: [&str; 36] = [
    "as",
    "async",
    "await",
    "break",
    "const",
    "continue",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro_rules",
    "match",
    "mod",
    "move",
    "mut",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "type",
    "union",
    "unsafe",
    "use",
    "where",
];
/// What the parser wants to see before it believes in `collect::<T>`, `pub(super)`, `unsafe {}` and
/// `&'a self`.
const AHEAD: [&str; 4] = ["<", "super", "{", "self"];
const INDENT: usize = 4;

/// The content of an `is_complete_reply`.
pub(crate) fn of(code: &str) -> IsComplete {
    match state(code) {
        State::Complete => IsComplete::Complete,
        State::Invalid => IsComplete::Invalid,
        State::Incomplete(indent) => IsComplete::Incomplete { indent: " ".repeat(indent) },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Complete,
    /// More is needed; the next line begins with so many spaces.
    Incomplete(usize),
    /// Nothing that follows can mend it.
    Invalid,
}

fn state(code: &str) -> State {
    let rust = without_commands(code);
    let all = tokens(&rust);
    let Some(last) = all.iter().rev().find(|token| token.kind != SyntaxKind::WHITESPACE) else {
        return State::Complete;
    };
    let brackets = Brackets::of(&rust, &all);
    // The lexer ends a character before a slash, with which a comment may begin.
    let is_slash =
        rust.ends_with("'/") && all.iter().nth_back(1).is_some_and(Token::is_unterminated);
    if last.is_unterminated() || is_slash {
        // What is inserted there would be part of it.
        return if brackets.fit { State::Incomplete(0) } else { State::Invalid };
    }
    let is_last = |token: &Token| std::ptr::eq(token, last) && token.range.end == rust.len();
    if !brackets.fit || all.iter().any(|token| token.error.is_some() && !is_last(token)) {
        return State::Invalid;
    }
    if is_too_deep(&all) {
        return match brackets.open.is_empty() {
            true => State::Complete,
            false => State::Incomplete(brackets.indent(&rust)),
        };
    }
    // A comment for an item that is still to come.
    let documents = last.kind == SyntaxKind::COMMENT && is_outer_doc(last.text(&rust));
    let finished = brackets.open.is_empty()
        && last.error.is_none()
        && !documents
        && first_error(&format!("{rust}\n}}")).is_none();
    if finished {
        State::Complete
    } else if is_mendable(&rust)
        || (is_last(last) && longer(&rust, last).iter().any(|code| is_mendable(code)))
        || AHEAD.iter().any(|next| is_mendable(&format!("{rust} {next}")))
    {
        State::Incomplete(brackets.indent(&rust))
    } else {
        State::Invalid
    }
}

/// Whether the parser has nothing against the code but where it ends.
fn is_mendable(rust: &str) -> bool {
    let all = tokens(rust);
    all.iter().all(|token| token.error.is_none())
        && first_error(rust).is_none_or(|at| at == all.iter().filter(|t| !t.is_trivia()).count())
}

/// Before which token of a cell the parser finds the first error.
fn first_error(rust: &str) -> Option<usize> {
    let text = format!("{BODY}{rust}");
    let lexed = LexedStr::new(EDITION, &text);
    let output = TopEntryPoint::SourceFile.parse(&lexed.to_input(EDITION));
    let mut seen = 0_usize;
    for step in output.iter() {
        match step {
            Step::Token { n_input_tokens, .. } => seen += usize::from(n_input_tokens),
            Step::FloatSplit { .. } => seen += 1,
            Step::Error { .. } => return Some(seen.saturating_sub(BODY_TOKENS)),
            Step::Enter { .. } | Step::Exit => {}
        }
    }
    None
}

/// The code with what its last token may be the beginning of.
fn longer(rust: &str, last: &Token) -> Vec<String> {
    let text = last.text(rust);
    let with = |end: &str| format!("{}{end}", &rust[..last.range.start]);
    let mut all = Vec::new();
    if last.is_word() {
        all.push(with(&format!("{text}_")));
        let keywords = KEYWORDS.iter().filter(|k| k.len() > text.len() && k.starts_with(text));
        all.extend(keywords.map(|keyword| with(keyword)));
        // The prefix of a string, or a raw name.
        all.extend(["\"\"", "#\"\"#", "#a"].map(|rest| with(&format!("{text}{rest}"))));
    } else if last.kind == SyntaxKind::LIFETIME_IDENT {
        // A label, or a character.
        all.extend([":", "'"].map(|rest| with(&format!("{text}{rest}"))));
        all.push(with(&format!("{text}_")));
    } else {
        let known = LONGER.iter().find(|(token, _)| *token == text);
        all.extend(known.into_iter().flat_map(|(_, longer)| longer.iter().map(|l| with(l))));
        // Of numbers and literals with a prefix: digits and quotes.
        all.extend(["0", "a'", "'", "\"\"", "\"\"#"].map(|rest| with(&format!("{text}{rest}"))));
        // A comment.
        if text == "/" {
            all.push(with(""));
        }
    }
    all
}

fn is_outer_doc(comment: &str) -> bool {
    let line = comment.starts_with("///") && !comment.starts_with("////");
    line || (comment.starts_with("/**") && !comment.starts_with("/***") && comment.len() > 4)
}

struct Brackets {
    /// Where those stand that are not closed.
    open: Vec<usize>,
    /// Whether each one that is closed is closed by its like.
    fit: bool,
    /// Whether the last line is to be continued, with no bracket.
    continues: bool,
    /// Where the statement or item at the end begins.
    statement: usize,
}

impl Brackets {
    fn of(rust: &str, all: &[Token]) -> Self {
        let mut open: Vec<&Token> = Vec::new();
        let mut fit = true;
        let (mut statement, mut begins) = (0, true);
        let mut last: Option<&Token> = None;
        for token in all.iter().filter(|token| !token.is_trivia()) {
            if begins {
                statement = token.range.start;
            }
            if closer(token.kind).is_some() {
                open.push(token);
                begins = token.kind == SyntaxKind::L_CURLY;
            } else if is_closer(token.kind) {
                fit &= open.pop().is_some_and(|opener| closer(opener.kind) == Some(token.kind));
                begins = token.kind == SyntaxKind::R_CURLY;
            } else {
                begins = matches!(token.kind, SyntaxKind::SEMICOLON | SyntaxKind::COMMA);
            }
            last = Some(token);
        }
        let continues = last.is_some_and(|token| {
            let arrow = ["=>", "->"].iter().any(|end| rust[..token.range.end].ends_with(end));
            let ends = matches!(token.text(rust), "," | ";" | "?" | ">");
            token.kind.is_punct() && !is_closer(token.kind) && (arrow || !ends)
        });
        let open = open.into_iter().map(|token| token.range.start).collect();
        Self { open, fit, continues, statement }
    }

    /// How far the next line is indented: one step more than the line on which the innermost open
    /// bracket stands, and one more for what continues a line within it.
    fn indent(&self, rust: &str) -> usize {
        let inner = self.open.last().map_or(0, |&at| indent_of(rust, at) + INDENT);
        if self.continues && self.open.last().is_none_or(|&at| at < self.statement) {
            return indent_of(rust, self.statement).max(inner) + INDENT;
        }
        inner
    }
}

/// The spaces at the beginning of the line on which a position is.
fn indent_of(rust: &str, at: usize) -> usize {
    let line = rust[..at].rfind('\n').map_or(0, |end| end + 1);
    rust[line..].chars().take_while(|c| *c == ' ').count()
}

#[cfg(test)]
mod tests;
