//! Brackets of code that may be unfinished.

use ra_ap_syntax::SyntaxKind;

use crate::source::tokens::{Token, closer, is_closer};

/// Which brackets belong together.
pub(crate) struct Pairs {
    /// Those around a position, the outermost first.
    pub around: Vec<usize>,
    pub around_are_closed: bool,
    /// Those that close nothing.
    pub stray: Vec<usize>,
    /// What is missing, and before which token.
    pub closers: Vec<(usize, char)>,
}

impl Pairs {
    pub(crate) fn of(all: &[Token], position: usize) -> Self {
        let (mut open, mut stray, mut closers) = (Vec::<usize>::new(), Vec::new(), Vec::new());
        let (mut around, mut unclosed) = (None, Vec::new());
        let missing = |open: usize| match all[open].kind {
            SyntaxKind::L_PAREN => ')',
            SyntaxKind::L_BRACK => ']',
            _ => '}',
        };
        for (i, token) in all.iter().enumerate() {
            if token.range.start >= position && around.is_none() {
                around = Some(open.clone());
            }
            if closer(token.kind).is_some() {
                open.push(i);
            } else if is_closer(token.kind) {
                let partner = open.iter().rposition(|&o| closer(all[o].kind) == Some(token.kind));
                let Some(partner) = partner else {
                    stray.push(i);
                    continue;
                };
                for unclosed_one in open.drain(partner..).skip(1).rev() {
                    closers.push((i, missing(unclosed_one)));
                    unclosed.push(unclosed_one);
                }
            }
        }
        let around = around.unwrap_or_else(|| open.clone());
        closers.extend(open.iter().rev().map(|&open| (all.len(), missing(open))));
        unclosed.extend(open);
        let around_are_closed = !around.iter().any(|open| unclosed.contains(open));
        Self { around, around_are_closed, stray, closers }
    }
}

/// Whether a bracket is one of an attribute.
pub(super) fn begins_attribute(all: &[Token], open: usize) -> bool {
    let mut before = all[..open].iter().rev().filter(|token| !token.is_trivia());
    let first = before.find(|token| token.kind != SyntaxKind::BANG);
    all[open].kind == SyntaxKind::L_BRACK && first.is_some_and(|t| t.kind == SyntaxKind::POUND)
}

/// The tokens of the macro's name before a bracket, the name itself first.
pub(crate) fn macro_name(all: &[Token], open: usize) -> Vec<usize> {
    let mut before = (0..open).rev().filter(|&i| !all[i].is_trivia()).peekable();
    let mut next = |kind: SyntaxKind| before.next_if(|&i| all[i].kind == kind);
    let Some(bang) = next(SyntaxKind::BANG) else { return Vec::new() };
    let Some(name) = next(SyntaxKind::IDENT) else { return Vec::new() };
    let mut found = vec![name, bang];
    while let Some(colon) = next(SyntaxKind::COLON) {
        found.push(colon);
        found.extend(next(SyntaxKind::COLON));
        found.extend(next(SyntaxKind::IDENT).or_else(|| next(SyntaxKind::CRATE_KW)));
    }
    found
}
