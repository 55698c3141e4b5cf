//! Cells that are refused before evcxr sees them: it would leave something out or read a wrong value.

use std::sync::PoisonError;

use ra_ap_syntax::{SyntaxKind, SyntaxNode};

use super::change::Change;
use crate::evaluator::errors::Failure;
use crate::source::edits::Edits;
use crate::source::map::{CellText, Place};
use crate::source::parse::{self, Parsed};
use crate::source::returns::Refused;
use crate::source::{SharedSources, Sources};

/// A `let` without a pattern is an error that evcxr does not see.
pub(super) fn refuse_empty_bindings(
    code: &str,
    count: i64,
    sources: &SharedSources,
) -> Result<(), Failure> {
    let parsed = Parsed::new(code);
    let Some((message, at)) =
        parsed.error.filter(|_| parsed.statements.iter().any(parse::binds_nothing))
    else {
        return Ok(());
    };
    let mut sources = sources.lock().unwrap_or_else(PoisonError::into_inner);
    Err(refuse(code, count, at, &message, &mut sources))
}

/// A cell that returns a value.
pub(super) fn refuse_value_of_return(
    code: &str,
    count: i64,
    refused: &Refused,
    sources: &mut Sources,
) -> Failure {
    let message = format!(
        "a cell returns nothing: `return {}` cannot end it; write `return;`, and the value \
         as the last line of the cell",
        refused.value
    );
    refuse(code, count, refused.at, &message, sources)
}

/// A compile error in a cell of which nothing goes to evcxr.
fn refuse(code: &str, count: i64, at: usize, message: &str, sources: &mut Sources) -> Failure {
    let (cell, _) = sources.map.next();
    let edited = Edits::default().apply(code);
    sources.map.push(CellText { count, edited }, Vec::new());
    Failure::at("CompileError", message, &Place::of(cell, code, at), sources)
}

/// A cell that changes a type cannot use the values of the old one.
pub(super) fn refuse_old_values(
    code: &str,
    change: &Change,
    sources: &Sources,
) -> Result<(), Failure> {
    let parsed = Parsed::new(code);
    for (name, cause) in &change.dropped {
        for node in parsed.statements.iter().filter(|node| !parse::is_item(node)) {
            if let Some(at) = use_of(node, name) {
                let place = Place::of(change.cell, code, at);
                let cause = cause.trim_start_matches("crate ");
                let message = format!(
                    "this cell changes `{cause}`, and `{name}` still holds a value of the old one: bind \
                     `{name}` anew before it is used, or change `{cause}` in a cell of its own (then \
                     `{name}` is dropped)"
                );
                return Err(Failure::at("TypeChanged", &message, &place, sources));
            }
            if parse::is_let(node) && parse::bound_names(node).contains(name) {
                break;
            }
        }
    }
    Ok(())
}

/// Where a statement uses a variable, in macros and texts to be formatted, too.
pub(crate) fn use_of(node: &SyntaxNode, name: &str) -> Option<usize> {
    let found = parse::tokens(node).find(|token| match token.kind() {
        SyntaxKind::IDENT => {
            let parent = token.parent().map(|it| it.kind());
            token.text() == name
                && matches!(parent, Some(SyntaxKind::NAME_REF | SyntaxKind::TOKEN_TREE))
        }
        SyntaxKind::STRING => formats(token.text(), name),
        _ => false,
    });
    found.map(|token| parse::token_range(&token).start)
}

/// Whether a text to be formatted shows the value of this name; two braces stand for one of the text.
pub(super) fn formats(text: &str, name: &str) -> bool {
    text.match_indices('{').any(|(at, _)| {
        let braces = text[..=at].bytes().rev().take_while(|byte| *byte == b'{').count();
        let rest = text[at + 1..].strip_prefix(name);
        braces % 2 == 1 && rest.is_some_and(|rest| rest.starts_with(['}', ':']))
    })
}
