//! `return` in a cell: it ends the cell.
//!
//! evcxr compiles a cell as the body of a closure, after whose end the new variables are stored. A
//! `return` would leave out this end, while evcxr believes that the variables are there. So it first
//! stores the variables that the cell has bound, and says that it ends the cell.

use std::collections::BTreeSet;

use ra_ap_syntax::{AstNode, NodeOrToken, SyntaxKind, SyntaxNode, T, ast};

use super::edits::Edits;
use super::parse::{range, token_range, tokens};

/// A `return` that cannot end a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its place in the cell, in bytes.
    pub at: usize,
    pub value: String,
}

/// Rewrites each `return` of a statement that would leave the cell. `bound` are the variables that
/// stand before the statement; those in `left_out` are not stored.
pub(crate) fn rewrite(
    statement: &SyntaxNode,
    line_of: impl Fn(usize) -> usize,
    bound: &[String],
    left_out: &BTreeSet<String>,
    edits: &mut Edits,
) -> Result<bool, Refused> {
    let shadowed: BTreeSet<String> = statement
        .descendants()
        .filter_map(ast::IdentPat::cast)
        .filter_map(|it| Some(ast::HasName::name(&it)?.text().to_string()))
        .collect();
    let kept: Vec<&str> = bound
        .iter()
        .map(String::as_str)
        .filter(|name| !left_out.contains(*name) && !shadowed.contains(*name))
        .collect();
    let mut found = false;
    for node in statement.descendants().filter_map(ast::ReturnExpr::cast) {
        let node = node.syntax();
        if is_inside_of_a_function(node, statement) {
            continue;
        }
        let Some(token) = tokens(node).find(|token| token.kind() == T![return]) else { continue };
        let value = node.children().find_map(ast::Expr::cast);
        let at = range(node).start;
        let end = end(line_of(at), &kept);
        match value.as_ref().map(|value| value.syntax().text().to_string()) {
            None => edits.replace(token_range(&token), end),
            Some(text)
                if ["()", "Ok(())"]
                    .contains(&text.split_whitespace().collect::<String>().as_str()) =>
            {
                // Apart from the keyword: other edits may stand between the two.
                let (keyword, lines) = (token_range(&token), text.matches('\n').count());
                edits.replace(keyword.end..range(node).end, "\n".repeat(lines));
                edits.replace(keyword, end);
            }
            Some(text) if text.starts_with("Err(") => {
                edits.replace(token_range(&token), "match");
                edits.insert(range(node).end, " { tv => { Err::<(), _>(match tv { Ok(()) => unreachable!(), Err(tv) => tv })?; unreachable!() } }");
            }
            Some(value) => return Err(Refused { at, value }),
        }
        found = true;
    }
    for token in tokens(statement).filter(|token| token.kind() == T![return]) {
        // The arguments of a macro are tokens only; what has no value and stands in no closure of
        // theirs can only end the cell.
        let Some(tree) = token.parent().filter(|it| it.kind() == SyntaxKind::TOKEN_TREE) else {
            continue;
        };
        let outermost =
            tree.ancestors().take_while(|it| it.kind() == SyntaxKind::TOKEN_TREE).last();
        let before: Vec<SyntaxKind> = outermost
            .iter()
            .flat_map(tokens)
            .take_while(|it| it != &token)
            .map(|it| it.kind())
            .collect();
        let opens_a_function = [T![|], T![fn], T![async]].iter().any(|kind| before.contains(kind));
        let mut next = token.next_token();
        while next.as_ref().is_some_and(|it| it.kind().is_trivia()) {
            next = next.and_then(|it| it.next_token());
        }
        let has_no_value = next.is_some_and(|it| matches!(it.kind(), T![;] | T!['}'] | T![,]));
        if has_no_value && !opens_a_function && !is_inside_of_a_function(&tree, statement) {
            let at = token_range(&token).start;
            edits.replace(token_range(&token), end(line_of(at), &kept));
            found = true;
        }
    }
    Ok(found)
}

/// Stores the variables and ends the cell.
fn end(line: usize, kept: &[&str]) -> String {
    let stored: String = kept
        .iter()
        .map(|name| format!("evcxr_variable_store.put_variable(\"{name}\", {name}); "))
        .collect();
    format!("{{ {stored}return crate::__twoviews::end({line}, \"{}\") }}", kept.join(","))
}

/// Whether a `return` at `node` belongs to a function, closure or `async` block within `statement`.
fn is_inside_of_a_function(node: &SyntaxNode, statement: &SyntaxNode) -> bool {
    let outside = statement.parent();
    node.ancestors().take_while(|it| Some(it) != outside.as_ref()).any(|it| match it.kind() {
        SyntaxKind::FN | SyntaxKind::CLOSURE_EXPR | SyntaxKind::CONST | SyntaxKind::STATIC => true,
        SyntaxKind::BLOCK_EXPR => it.children_with_tokens().any(|child| {
            matches!(&child, NodeOrToken::Token(token) if matches!(token.kind(), T![async] | T![const] | T![try]))
        }),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse::Parsed;
    use super::*;

    fn rewritten(code: &str) -> Result<String, Refused> {
        let parsed = Parsed::new(code);
        let mut edits = Edits::default();
        let statement = parsed.statements.last().unwrap();
        rewrite(statement, |_| 1, &["a".to_owned()], &BTreeSet::new(), &mut edits)?;
        Ok(edits.apply(code).text)
    }

    #[test]
    fn a_value_of_a_return_makes_way_for_other_edits() {
        for code in ["return Ok(());", "return Ok(())", "return ();", "return Ok(\n());"] {
            let parsed = Parsed::new(code);
            let mut edits = Edits::default();
            let statement = parsed.statements.last().unwrap();
            rewrite(statement, |_| 1, &[], &BTreeSet::new(), &mut edits).unwrap();
            edits.insert("return".len(), "/*here*/");
            let text = edits.apply(code).text;
            assert!(text.contains("/*here*/") && !text.contains("Ok("), "{text}");
        }
    }

    #[test]
    fn only_a_return_of_the_cell_is_changed() {
        let end = r#"{ evcxr_variable_store.put_variable("a", a); return crate::__twoviews::end(1, "a") }"#;
        assert_eq!(rewritten("if x { return; }").unwrap(), format!("if x {{ {end}; }}"));
        assert_eq!(
            rewritten("for i in v { return Ok(()); }").unwrap(),
            format!("for i in v {{ {end}; }}")
        );
        assert_eq!(
            rewritten("let Some(n) = x else { return };").unwrap(),
            format!("let Some(n) = x else {{ {end} }};")
        );
        assert_eq!(rewritten("m!(x => return,);").unwrap(), format!("m!(x => {end},);"));
        for code in [
            "fn f() -> u8 { return 1; }",
            "let f = |x: u8| { return x; };",
            "let g = async { return 1; };",
            "assert!(v.iter().all(|x| { return *x; }));",
            "impl A { fn f() { return; } }",
        ] {
            assert_eq!(rewritten(code).unwrap(), code);
        }
        assert_eq!(rewritten("if x { return 5; }"), Err(Refused { at: 7, value: "5".to_owned() }));
        let shadowed = rewritten("if x { let a = 1; return; }").unwrap();
        assert!(shadowed.contains("return crate::__twoviews::end(1, \"\")"), "{shadowed}");
    }
}
