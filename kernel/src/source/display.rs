//! The value that a cell ends in, made a statement that shows it.
//!
//! evcxr's own way compiles a cell twice where a type has no `evcxr_display`, and hides the cause of
//! an error in the expression. Here the method is looked up by reference: a type's own, or that of a
//! trait of the user, is found before the kernel's, which is that of a reference to a reference.

use ra_ap_syntax::{AstNode, SyntaxKind, SyntaxNode, T, ast};

use super::commands;
use super::edits::Edits;
use super::parse::{Parsed, range, tokens};

/// How the value of a cell is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Display {
    /// By the kernel.
    #[default]
    Value,
    /// Not at all.
    Nothing,
    /// By evcxr: for a type whose `evcxr_display` takes the value itself.
    Evcxr,
}

pub(crate) const BEFORE: &str = "match &(";
pub(crate) const AFTER: &str = ") { tv_value => { use crate::__twoviews::Show as _; \
    crate::__twoviews::value(); tv_value.evcxr_display(); } };";
/// Where evcxr shows the value.
const BEFORE_EVCXR: &str = "crate::__twoviews::value(); ";

/// Whether a statement is an expression whose value the cell shows.
pub(crate) fn is_shown(statement: &SyntaxNode) -> bool {
    ast::Expr::can_cast(statement.kind()) && !is_unit(statement)
}

/// Whether the value of the last expression is what a cell shows at its end.
pub(crate) fn ends_in_value(cell: &str) -> bool {
    let (commands, code) = commands::split(cell);
    let parsed = Parsed::new(&code);
    let is_last = commands.iter().all(|command| !command.after_code);
    is_last && parsed.statements.last().is_some_and(is_shown)
}

/// Expressions that have no value, and calls of macros that may define something.
fn is_unit(statement: &SyntaxNode) -> bool {
    match statement.kind() {
        SyntaxKind::FOR_EXPR | SyntaxKind::WHILE_EXPR | SyntaxKind::RETURN_EXPR => true,
        SyntaxKind::MACRO_EXPR => {
            tokens(statement).any(|token| token.kind() == T!['{'])
                && tokens(statement).last().is_some_and(|token| token.kind() == T!['}'])
        }
        // An assignment has none, either.
        SyntaxKind::BIN_EXPR => ast::BinExpr::cast(statement.clone())
            .and_then(|it| it.op_kind())
            .is_some_and(|kind| matches!(kind, ast::BinaryOp::Assignment { .. })),
        _ => false,
    }
}

/// Rewrites the last statement of a cell, if it is an expression.
pub(crate) fn rewrite(statement: &SyntaxNode, display: Display, edits: &mut Edits) {
    if !ast::Expr::can_cast(statement.kind()) {
        return;
    }
    let place = range(statement);
    match display {
        Display::Evcxr => edits.insert(place.start, BEFORE_EVCXR),
        Display::Value if !is_unit(statement) => {
            edits.insert(place.start, BEFORE);
            edits.insert(place.end, AFTER);
        }
        Display::Value | Display::Nothing => edits.insert(place.end, ";"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_final_expression_is_a_result() {
        for (code, result) in [
            ("1 + 1", true),
            ("let x = 1;\nx // that", true),
            ("let x = 1;", false),
            ("if a { b } ", true),
            ("match a { _ => b }", true),
            ("unsafe { a() } // that", true),
            ("for a in b {}", false),
            ("match a { _ => b };", false),
            (":vars", false),
            (":timing\nx", true),
            ("x\n// end", true),
            ("", false),
        ] {
            assert_eq!(ends_in_value(code), result, "{code}");
        }
    }

    #[test]
    fn only_values_are_shown() {
        let rewritten = |code: &str| {
            let mut edits = Edits::default();
            let parsed = Parsed::new(code);
            rewrite(parsed.statements.last().unwrap(), Display::Value, &mut edits);
            edits.apply(code).text
        };
        for code in [
            "1 + 1",
            "x",
            "f(x)?",
            "vec![1]",
            "if a { b } else { c }",
            "{ 1 }",
            "match x { _ => 1 }",
            "println!(\"x\")",
        ] {
            assert_eq!(rewritten(code), format!("{BEFORE}{code}{AFTER}"));
        }
        for code in
            ["for i in v {}", "while a { b() }", "x = 1", "x += 1", "return", "items! { a }"]
        {
            assert_eq!(rewritten(code), format!("{code};"));
        }
        for code in ["let x = 1;", "f();", "struct A;", "fn f() {}"] {
            assert_eq!(rewritten(code), code);
        }
        assert_eq!(rewritten("x // that"), format!("{BEFORE}x{AFTER} // that"));
    }
}
