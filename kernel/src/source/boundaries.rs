//! Where a statement may begin.

use ra_ap_parser::LexedStr;
use ra_ap_syntax::{SyntaxKind, T};

use super::parse::{EDITION, Parsed};

/// Whether a line has neither code nor a comment's beginning.
pub(super) fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("//")
}

/// Whether a statement may begin after this text: all brackets, texts and comments are closed, and
/// what stands there is whole.
pub(super) fn is_complete_so_far(code: &str) -> bool {
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
