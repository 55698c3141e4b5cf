//! What rust-analyzer is asked, through evcxr, to complete a word of a cell.
//!
//! evcxr gives up where the proposals replace different pieces of the text, and rust-analyzer where
//! the code around a word is not yet code. So it is asked about a text of our own: without the word,
//! with the arguments of a macro as those of nothing, and with every bracket closed.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, SourceFile};
use ra_ap_syntax::{SyntaxKind, TextSize};

use super::pairs::{Pairs, begins_attribute, macro_name};
use crate::source::tokens::{
    BODY, EDITION, Token, is_closer, is_too_deep, tokens, without_commands,
};

/// Macros whose strings name variables.
const FORMATTING: [&str; 21] = [
    "anyhow",
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "ensure",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
];
/// Ends an item or statement, so that what follows begins one.
const NOTHING: &str = "();";
/// Stands for the word.
const WORD: &str = "__twoviews_word";

/// A statement in a block.
const FREE: (&str, &str) = ("{();", ";}");

/// What stands before a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preceding {
    Dot,
    Path,
    Fn,
    /// The brace in a string of `format!`.
    Brace,
    Other,
}

/// A word that is to be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// What evcxr is asked about, and where in it.
    pub text: String,
    pub at: usize,
    /// The word in the cell, in bytes, and what of it stands before the cursor.
    pub word: Range<usize>,
    pub typed: String,
    pub preceding: Preceding,
    /// Whether a `!` follows.
    pub bang: bool,
}

/// What is at a position of a cell; `None` in comments, strings, numbers and commands.
pub(crate) fn find(code: &str, cursor: usize) -> Option<Query> {
    let rust = without_commands(code);
    let mut all = tokens(&rust);
    if is_too_deep(&all) {
        return None;
    }
    let left = all.iter().rposition(|token| token.range.start < cursor);
    let word = match left {
        Some(left) => word(&rust, &all, left, cursor)?,
        None => following(&all, cursor),
    };
    let mut string = None;
    if let Some(left) = left.filter(|&left| all[left].kind == SyntaxKind::STRING) {
        string = Some(left);
    }
    // What is cut off at the end would take the rest of the text with it.
    if let Some(cut) = all.iter().position(|t| t.range.start >= word.end && t.is_unterminated()) {
        all.truncate(cut);
    }
    let mut pairs = Pairs::of(&all, word.start);
    if !pairs.around_are_closed {
        // The lines below were not written for brackets that are still open.
        let line_ends = |t: &Token| t.range.end > word.end && t.text(&rust).contains('\n');
        if let Some(cut) = all.iter().position(line_ends)
            && string.is_none_or(|string| cut > string)
        {
            all.truncate(cut);
            pairs = Pairs::of(&all, word.start);
        }
    }
    let before: Vec<usize> =
        (0..all.len()).filter(|&i| !all[i].is_trivia() && all[i].range.end <= word.start).collect();
    if before.last().is_some_and(|&i| all[i].kind == SyntaxKind::POUND) {
        return None;
    }
    let preceding = match string {
        Some(_) => Preceding::Brace,
        None => preceding(&rust, &all, &before, word.start),
    };
    let mut blank = pairs.stray.clone();
    for &open in &pairs.around {
        let name = macro_name(&all, open);
        if preceding == Preceding::Brace && Some(&open) == pairs.around.last() {
            let last = name.first().map(|&i| all[i].text(&rust));
            last.filter(|last| FORMATTING.contains(last))?;
        }
        blank.extend(name);
    }
    if preceding == Preceding::Brace && pairs.around.is_empty() {
        return None;
    }

    let after = all.iter().find(|t| !t.is_trivia() && t.range.start >= word.end);
    let bang = preceding != Preceding::Brace
        && after.is_some_and(|t| t.kind == SyntaxKind::BANG && t.range.start == word.end);
    let line_ends = rust[word.end..].trim_start_matches([' ', '\t', '\r']);
    let line_ends = line_ends.is_empty() || line_ends.starts_with('\n');
    let ends = pairs.around.is_empty() && line_ends && after.is_none_or(begins_a_statement);

    // rust-analyzer knows what is visible where an expression stands.
    let mut inserted = String::new();
    let in_attribute = pairs.around.iter().any(|&open| begins_attribute(&all, open));
    if matches!(preceding, Preceding::Brace | Preceding::Other) && !in_attribute {
        inserted.push_str(WORD);
        let joins = |next: char| matches!(next, '"' | '\'' | '#') || next.is_alphanumeric();
        inserted.push_str(if rust[word.end..].starts_with(joins) { " " } else { "" });
    }
    inserted.push_str(if ends { ";" } else { "" });
    let last = before.last().map(|&i| all[i].kind);
    let typed = rust[word.start..cursor.max(word.start)].to_owned();
    // evcxr takes the end of what stands before for the place: not of an item, or of a `let`.
    let begins = pairs.around.is_empty()
        && match last {
            None | Some(SyntaxKind::SEMICOLON) => true,
            Some(SyntaxKind::R_CURLY) => typed.is_empty() || !"else".starts_with(&typed),
            Some(_) => false,
        };

    let (mut text, mut at) = (String::new(), None);
    let mut put_word = |text: &mut String| {
        text.push_str(if begins { NOTHING } else { "" });
        at = Some(text.len());
        text.push_str(&inserted);
    };
    let mut is_put = false;
    for (i, token) in all.iter().enumerate() {
        if !is_put && token.range.end > word.start {
            // The whole string makes room for a name in it.
            if string != Some(i) {
                text.push_str(&rust[token.range.start..word.start.max(token.range.start)]);
            }
            put_word(&mut text);
            is_put = true;
        }
        let closers = pairs.closers.iter().filter(|(before, _)| *before == i);
        text.extend(closers.map(|(_, closer)| *closer));
        if blank.contains(&i) {
            text.push_str(&" ".repeat(token.range.len()));
        } else if token.range.end <= word.start || token.range.start >= word.end {
            text.push_str(token.text(&rust));
        } else if string != Some(i) {
            text.push_str(&rust[word.end.min(token.range.end)..token.range.end]);
        }
    }
    if !is_put {
        put_word(&mut text);
    }
    let mut at = at?;
    let closers = pairs.closers.iter().filter(|(before, _)| *before >= all.len());
    text.extend(closers.map(|(_, closer)| *closer));
    let rest = all.iter().filter(|t| t.range.start >= word.end && !t.is_trivia());
    if in_attribute && rest.into_iter().all(|token| is_closer(token.kind)) {
        // Its item is still to come.
        text.push_str(&format!(" struct {WORD};"));
    }
    // Where a value of a certain type is expected, rust-analyzer also looks for expressions of it,
    // which takes its time and sometimes ends in a panic. Of a statement nothing is expected; an
    // `else` must stay where it is.
    let may_be_else = !typed.is_empty() && last == Some(SyntaxKind::R_CURLY);
    if !begins
        && !may_be_else
        && let Some((start, end)) = path(&text, at)
    {
        text.insert_str(end, FREE.1);
        text.insert_str(start, FREE.0);
        at += FREE.0.len();
    }
    let (text, at) = guarded(text, at);
    Some(Query { text, at, word, typed, preceding, bang })
}

/// Where the path that ends in the word begins and ends, if it is an expression.
fn path(text: &str, at: usize) -> Option<(usize, usize)> {
    let (before, after) = text.split_at(at);
    let has_word = after.starts_with(WORD);
    let word = if has_word { "" } else { WORD };
    let file = SourceFile::parse(&format!("{BODY}{before}{word}{after}\n}}"), EDITION).tree();
    let offset = TextSize::try_from(BODY.len() + at + 1).ok()?;
    let token = file.syntax().token_at_offset(offset).right_biased()?;
    let of_a_path = [SyntaxKind::NAME_REF, SyntaxKind::PATH_SEGMENT, SyntaxKind::PATH];
    let node = token.parent_ancestors().find(|node| !of_a_path.contains(&node.kind()))?;
    let path = ast::PathExpr::cast(node)?;
    let around = path.syntax().parent()?;
    let field = ast::RecordExprField::cast(around.clone());
    // Names of fields are proposed there, and `mut`.
    if field.is_some_and(|f| f.colon_token().is_none()) || ast::RefExpr::can_cast(around.kind()) {
        return None;
    }
    let start = usize::from(path.syntax().text_range().start()).checked_sub(BODY.len())?;
    Some((start, if has_word { at + WORD.len() } else { at }))
}

/// Neither a command nor a shell's line to evcxr.
pub(crate) fn guarded(text: String, at: usize) -> (String, usize) {
    if text.trim_start().starts_with([':', '!']) {
        return (format!("{NOTHING}{text}"), at + NOTHING.len());
    }
    (text, at)
}

/// The word at a position; `left` is the token that stands there or ends there.
fn word(rust: &str, all: &[Token], left: usize, cursor: usize) -> Option<Range<usize>> {
    let token = &all[left];
    let inside = cursor < token.range.end || token.is_unterminated();
    let text = token.text(rust);
    let before = all[..left].iter().rev().take_while(|t| t.kind == SyntaxKind::DOT).count();
    match token.kind {
        SyntaxKind::COMMENT if inside || !text.ends_with("*/") => None,
        SyntaxKind::STRING if inside => named_in_string(rust, token, cursor),
        SyntaxKind::STRING
        | SyntaxKind::BYTE_STRING
        | SyntaxKind::C_STRING
        | SyntaxKind::CHAR
        | SyntaxKind::BYTE
        | SyntaxKind::LIFETIME_IDENT
        | SyntaxKind::SHEBANG
        | SyntaxKind::ERROR => None,
        // The second field of `pair.0.1` is the end of a number.
        SyntaxKind::FLOAT_NUMBER if before == 1 => {
            let dot = token.range.start + text.find('.')?;
            match cursor > dot {
                true => Some(dot + 1..token.range.end),
                false => Some(token.range.start..dot),
            }
        }
        SyntaxKind::INT_NUMBER if before == 1 => Some(token.range.clone()),
        SyntaxKind::FLOAT_NUMBER if text.ends_with('.') && !inside => Some(cursor..cursor),
        SyntaxKind::INT_NUMBER | SyntaxKind::FLOAT_NUMBER => None,
        _ if token.is_word() => Some(token.range.clone()),
        _ => Some(following(all, cursor)),
    }
}

/// The word that begins at a position.
fn following(all: &[Token], cursor: usize) -> Range<usize> {
    let word = all.iter().find(|token| token.range.start == cursor && token.is_word());
    word.map_or(cursor..cursor, |word| word.range.clone())
}

/// The name in `"… {name"`.
fn named_in_string(rust: &str, token: &Token, cursor: usize) -> Option<Range<usize>> {
    let before = &rust[token.range.start..cursor];
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let typed = before.len() - before.trim_end_matches(name).len();
    let (start, braces) = (cursor - typed, before.trim_end_matches(name));
    let open = braces.len() - braces.trim_end_matches('{').len();
    if open % 2 == 0 || rust[start..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = &rust[cursor..token.range.end];
    Some(start..cursor + rest.find(|c| !name(c)).unwrap_or(rest.len()))
}

fn preceding(rust: &str, all: &[Token], before: &[usize], start: usize) -> Preceding {
    let back = |n: usize| before.len().checked_sub(n).map(|i| &all[before[i]]);
    let touch = |a: &Token, b: &Token| a.range.end == b.range.start;
    match (back(2), back(1)) {
        // The dot of `1.` belongs to the number.
        _ if rust[..start].ends_with('.') && !rust[..start].ends_with("..") => Preceding::Dot,
        (Some(first), Some(last)) if last.kind == SyntaxKind::DOT => {
            match first.kind == SyntaxKind::DOT && touch(first, last) {
                true => Preceding::Other,
                false => Preceding::Dot,
            }
        }
        (Some(first), Some(last))
            if first.kind == SyntaxKind::COLON
                && last.kind == SyntaxKind::COLON
                && touch(first, last) =>
        {
            Preceding::Path
        }
        (_, Some(last)) if last.kind == SyntaxKind::FN_KW => Preceding::Fn,
        _ => Preceding::Other,
    }
}

/// Whether a token stands at the beginning of the next line because a new statement does.
fn begins_a_statement(token: &Token) -> bool {
    let goes_on = [SyntaxKind::ELSE_KW, SyntaxKind::AS_KW, SyntaxKind::WHERE_KW, SyntaxKind::IN_KW];
    (!token.kind.is_punct() || token.kind == SyntaxKind::POUND) && !goes_on.contains(&token.kind)
}

#[cfg(test)]
mod tests;
