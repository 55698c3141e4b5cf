//! The text of cells: read before evcxr reads it, rewritten where evcxr needs help, and found again
//! in what was compiled.
//!
//! The way of a cell: [`commands`] takes the lines that are no Rust out, [`parse`] finds its
//! statements, [`rewrite`] changes the text without changing its lines ([`edits`]), and [`map`]
//! leads from a place in the compiled file back to cell, line and column. [`items`] says what a cell
//! defines, [`identity`] when a variable's type has become another one; [`Sources`] holds it all.

pub(crate) mod commands;
pub(crate) mod display;
pub(crate) mod edits;
pub(crate) mod identity;
pub(crate) mod items;
pub(crate) mod map;
pub(crate) mod parse;
pub(crate) mod returns;
pub(crate) mod rewrite;
mod sources;
pub(crate) mod statics;
pub(crate) mod tokens;

pub(crate) use sources::{SharedSources, Sources};

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{SyntaxKind, T};

use parse::{EDITION, Parsed};

/// Whether a line has neither code nor a comment's beginning.
fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("//")
}

/// Whether a statement may begin after this text: all brackets, texts and comments are closed, and
/// what stands there is whole.
fn is_complete_so_far(code: &str) -> bool {
    let lexed = LexedStr::new(EDITION, code);
    let (mut depth, mut last) = (0i64, None);
    for i in 0..lexed.len() {
        match lexed.kind(i) {
            T!['('] | T!['['] | T!['{'] => depth += 1,
            T![')'] | T![']'] | T!['}'] => depth -= 1,
            _ => {}
        }
        // An open text or comment reaches to the end.
        if lexed.error(i).is_some() {
            return false;
        }
        if !matches!(lexed.kind(i), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT) {
            last = Some(lexed.kind(i));
        }
    }
    let ends = last.is_none_or(|kind| matches!(kind, T![;] | T!['}']));
    depth == 0 && (ends || !Parsed::new(code).has_errors)
}
