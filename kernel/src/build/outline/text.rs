//! The outline of a file's text.

use std::ops::Range;

use ra_ap_parser::{Edition, LexedStr, SyntaxKind, T};

/// What differs between editions says nothing of where a body begins.
const EDITION: Edition = Edition::Edition2021;

/// Attributes of which a cell notices nothing.
const LEFT_OUT: [&str; 12] = [
    "stable",
    "rustc_const_stable",
    "rustc_diagnostic_item",
    "rustc_inherit_overflow_checks",
    "inline",
    "must_use",
    "track_caller",
    "cold",
    "allow",
    "expect",
    "warn",
    "deny",
];

/// `text` without what no cell can see. A body stays where a type may depend on it: of a function that returns an
/// `impl Trait`, of a `const fn`, which may give an array's length, and where a macro may look into it.
pub(super) fn outline(text: &str) -> String {
    let lexed = LexedStr::new(EDITION, text);
    let mut outline = Outline {
        words: (0..lexed.len()).filter(|&i| !lexed.kind(i).is_trivia()).collect(),
        lexed,
        text: String::with_capacity(text.len()),
        next: 0,
        space: None,
        macros: Vec::new(),
    };
    outline.write();
    outline.text
}

/// What an open bracket is.
#[derive(Clone, Copy, PartialEq)]
enum Bracket {
    /// What a macro repeats: `$(…)`.
    Repetition,
    /// What a macro is called with, or what it shall be called with.
    Fixed,
    /// A macro's definition.
    Macro,
    Other,
}

struct Outline<'a> {
    lexed: LexedStr<'a>,
    /// The tokens that are neither space nor comment.
    words: Vec<usize>,
    text: String,
    /// The first token that is not written yet.
    next: usize,
    /// What stands between the last token that was written and the next.
    space: Option<char>,
    /// The tokens of macros' definitions.
    macros: Vec<Range<usize>>,
}

impl Outline<'_> {
    fn write(&mut self) {
        let mut open: Vec<Bracket> = Vec::new();
        let mut at = 0;
        while at < self.words.len() {
            match self.kind(at) {
                T!['('] | T!['['] | T!['{'] => {
                    let bracket = self.bracket(at, open.last().copied());
                    open.push(bracket);
                    if bracket == Bracket::Macro
                        && let Some(end) = self.closing(at)
                    {
                        self.macros.push(self.words[at]..self.words[end]);
                    }
                }
                T![')'] | T![']'] | T!['}'] => drop(open.pop()),
                kind if open.contains(&Bracket::Fixed) || !matches!(kind, T![fn] | T![#]) => {}
                T![fn] => {
                    let is_repeated = open.contains(&Bracket::Repetition);
                    let body = self.body(at);
                    if let Some(body) = body.filter(|it| self.is_dispensable(at, *it, is_repeated))
                    {
                        at = self.empty(body);
                    }
                }
                _ => {
                    if let Some(module) = self.tests(at) {
                        at = self.empty(module);
                    } else if let Some(end) = self.attribute(at) {
                        self.write_until(self.words[at]);
                        self.next = self.words[end] + 1;
                        at = end;
                    }
                }
            }
            at += 1;
        }
        self.write_until(self.lexed.len());
        self.text.extend(self.space);
    }

    fn kind(&self, at: usize) -> SyntaxKind {
        self.words.get(at).map_or(SyntaxKind::EOF, |&token| self.lexed.kind(token))
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |&token| self.lexed.text(token))
    }

    fn is(&self, words: &[&str], at: usize) -> bool {
        words.iter().enumerate().all(|(i, word)| self.word(at + i) == *word)
    }

    fn bracket(&self, at: usize, within: Option<Bracket>) -> Bracket {
        let before = |n: usize| at.checked_sub(n).map_or(SyntaxKind::EOF, |at| self.kind(at));
        match before(1) {
            T![$] => Bracket::Repetition,
            T![!] => Bracket::Fixed,
            SyntaxKind::IDENT if before(2) == T![!] => Bracket::Macro,
            // Not behind an arrow: the pattern before it.
            kind if within == Some(Bracket::Macro) && kind != T![>] => Bracket::Fixed,
            _ => Bracket::Other,
        }
    }

    /// The brackets of the body of the function whose `fn` stands at `at`.
    fn body(&self, at: usize) -> Option<(usize, usize)> {
        // Without a name it is a type.
        if !matches!(self.kind(at + 1), SyntaxKind::IDENT | T![$]) {
            return None;
        }
        let mut angles = 0usize;
        let mut here = at + 1;
        loop {
            match self.kind(here) {
                T!['('] | T!['['] => here = self.closing(here)?,
                T!['{'] if angles > 0 => here = self.closing(here)?,
                T!['{'] => return Some((here, self.closing(here)?)),
                T![<] => angles += 1,
                T![>] if matches!(self.kind(here - 1), T![-] | T![=]) => {}
                T![>] => angles = angles.checked_sub(1)?,
                T![;] | T![')'] | T![']'] | T!['}'] | SyntaxKind::EOF => return None,
                _ => {}
            }
            here += 1;
        }
    }

    /// The bracket that closes the one at `at`.
    fn closing(&self, at: usize) -> Option<usize> {
        let mut depth = 0usize;
        (at..self.words.len()).find(|&here| {
            match self.kind(here) {
                T!['('] | T!['['] | T!['{'] => depth += 1,
                T![')'] | T![']'] | T!['}'] => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    fn is_dispensable(&self, at: usize, (begin, end): (usize, usize), is_repeated: bool) -> bool {
        let mut arrows = (at..begin).filter(|&i| self.is(&["-", ">"], i));
        let returns = arrows.next().unwrap_or(begin)..begin;
        let is_opaque = returns.into_iter().any(|i| self.kind(i) == T![impl]);
        // What may be the only part of a repetition that says how often.
        let repeats = is_repeated && (begin..end).any(|i| self.kind(i) == T![$]);
        !is_opaque && !repeats && !self.is_const(at)
    }

    fn is_const(&self, at: usize) -> bool {
        let mut before = (0..at).rev().map(|i| (self.kind(i), self.word(i))).skip_while(|it| {
            matches!(it.0, T![unsafe] | T![extern] | T![async] | SyntaxKind::STRING)
                || it.1 == "safe"
        });
        before.next().is_some_and(|(kind, _)| kind == T![const])
    }

    /// The brackets of the module that follows a `#[cfg(test)]` at `at`.
    fn tests(&self, at: usize) -> Option<(usize, usize)> {
        let mut here = at;
        while self.is(&["#", "["], here) {
            here = self.closing(here + 1)? + 1;
        }
        let is_module = self.is(&["#", "[", "cfg", "(", "test", ")", "]"], at)
            && self.kind(here) == T![mod]
            && self.kind(here + 2) == T!['{'];
        is_module.then_some(())?;
        Some((here + 2, self.closing(here + 2)?))
    }

    /// The last bracket of an attribute that is left out.
    fn attribute(&self, at: usize) -> Option<usize> {
        let is_named = self.kind(at + 1) == T!['['] && LEFT_OUT.contains(&self.word(at + 2));
        let end = is_named.then(|| self.closing(at + 1)).flatten()?;
        // It may be the only part of a repetition that says how often.
        (at..end).all(|i| self.kind(i) != T![$]).then_some(end)
    }

    /// Writes brackets with nothing in them; says where they end.
    fn empty(&mut self, (begin, end): (usize, usize)) -> usize {
        self.write_until(self.words[begin] + 1);
        self.next = self.words[end];
        end
    }

    /// Writes what comes before `end`: documentation as it is, and one space for many.
    fn write_until(&mut self, end: usize) {
        while self.next < end {
            let (kind, text) = (self.lexed.kind(self.next), self.lexed.text(self.next));
            self.next += 1;
            let is_comment = kind == SyntaxKind::COMMENT && !is_documentation(text);
            if is_comment || kind == SyntaxKind::WHITESPACE {
                let is_line = text.contains('\n') || self.space == Some('\n');
                self.space = Some(if is_line { '\n' } else { ' ' });
                continue;
            }
            self.text.extend(self.space.take());
            match self.joined(self.next - 1) {
                Some((documentation, next)) => {
                    self.text.push_str(&documentation);
                    self.next = next;
                }
                None => self.text.push_str(text),
            }
        }
    }

    /// The lines of documentation that begin at `token`, as one attribute, and what follows them: in a macro each line
    /// would be five tokens, once more for each call.
    fn joined(&self, token: usize) -> Option<(String, usize)> {
        self.macros.iter().any(|it| it.contains(&token)).then_some(())?;
        let line = |token: usize| {
            let is_comment =
                token < self.lexed.len() && self.lexed.kind(token) == SyntaxKind::COMMENT;
            let text = is_comment.then(|| self.lexed.text(token))?;
            text.strip_prefix("///").filter(|_| is_documentation(text))
        };
        let (mut lines, mut next) = (vec![line(token)?], token + 1);
        // Behind the line's end.
        while let Some(text) = line(next + 1) {
            lines.push(text);
            next += 2;
        }
        let text = lines.join("\n");
        let mut hashes = String::new();
        while text.contains(&format!("\"{hashes}")) {
            hashes.push('#');
        }
        (lines.len() > 1).then(|| (format!("#[doc = r{hashes}\"{text}\"{hashes}]"), next))
    }
}

fn is_documentation(comment: &str) -> bool {
    let is = |open: &str, not: &[&str]| {
        comment.starts_with(open) && !not.iter().any(|not| comment.starts_with(not))
    };
    is("///", &["////"]) || is("//!", &[]) || is("/**", &["/***", "/**/"]) || is("/*!", &[])
}

#[cfg(test)]
mod tests;
