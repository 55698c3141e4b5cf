//! The parts of a cell, as evcxr will take it apart.

use std::ops::Range;

use ra_ap_syntax::{
    AstNode, Edition, SourceFile, SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken, ast,
};

/// evcxr compiles cells in this edition.
pub(crate) const EDITION: Edition = Edition::Edition2024;
/// A cell is the body of a function.
const HEAD: &str = "fn f(){";

/// A cell's statements, items and inner attributes, in order.
pub(crate) struct Parsed {
    pub statements: Vec<SyntaxNode>,
    pub has_errors: bool,
    /// The first error, with its place.
    pub error: Option<(String, usize)>,
}

impl Parsed {
    pub(crate) fn new(code: &str) -> Self {
        let file = SourceFile::parse(&format!("{HEAD}{code}\n}}"), EDITION);
        let function = file.syntax_node().children().next().and_then(ast::Fn::cast);
        let list = function.and_then(|it| it.body()).and_then(|it| it.stmt_list());
        let statements = list.map(|list| list.syntax().children().collect()).unwrap_or_default();
        let errors = file.errors();
        let error = errors.first().map(|error| {
            let at = usize::from(error.range().start()).saturating_sub(HEAD.len());
            (error.to_string(), at.min(code.len()))
        });
        Self { statements, has_errors: !errors.is_empty(), error }
    }
}

/// Where a node of a cell lies in the cell's text.
pub(crate) fn range(node: &SyntaxNode) -> Range<usize> {
    shifted(node.text_range())
}

pub(crate) fn token_range(token: &SyntaxToken) -> Range<usize> {
    shifted(token.text_range())
}

fn shifted(range: ra_ap_syntax::TextRange) -> Range<usize> {
    let at = |offset: ra_ap_syntax::TextSize| usize::from(offset).saturating_sub(HEAD.len());
    at(range.start())..at(range.end())
}

/// The tokens below a node, without white space and comments.
pub(crate) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| !token.kind().is_trivia())
}

/// The first token that is no comment, and no documentation.
pub(crate) fn first_token(node: &SyntaxNode) -> Option<SyntaxToken> {
    tokens(node).next()
}

/// Whether a statement defines an item.
pub(crate) fn is_item(node: &SyntaxNode) -> bool {
    ast::Item::can_cast(node.kind()) && node.kind() != SyntaxKind::MACRO_CALL
}

/// A `let`, `let ... else` included.
pub(crate) fn is_let(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::LET_STMT
}

/// A `let` without a pattern, which evcxr would leave out without a word.
pub(crate) fn binds_nothing(statement: &SyntaxNode) -> bool {
    is_let(statement) && statement.children().find_map(ast::Pat::cast).is_none()
}

/// The names that a pattern of a `let` binds.
pub(crate) fn bound_names(statement: &SyntaxNode) -> Vec<String> {
    let pattern = ast::LetStmt::cast(statement.clone()).and_then(|it| it.pat());
    let names = pattern.into_iter().flat_map(|pattern| {
        pattern.syntax().descendants().filter_map(ast::IdentPat::cast).collect::<Vec<_>>()
    });
    // `None` in a pattern is a constant, which no one binds.
    names
        .filter_map(|pattern| Some(ast::HasName::name(&pattern)?.text().to_string()))
        .filter(|name| name.chars().next().is_some_and(|c| c.is_lowercase() || c == '_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_statements_and_items() {
        let code = "use a::b;\n/// Doc.\n#[derive(Debug)]\nstruct N { w: f32 }\nlet (x, mut y) = (1, 2); x";
        let parsed = Parsed::new(code);
        let kinds: Vec<SyntaxKind> = parsed.statements.iter().map(SyntaxNode::kind).collect();
        use SyntaxKind::{LET_STMT, PATH_EXPR, STRUCT, USE};
        assert_eq!(kinds, [USE, STRUCT, LET_STMT, PATH_EXPR]);
        assert_eq!(&code[range(&parsed.statements[3])], "x");
        assert_eq!(bound_names(&parsed.statements[2]), ["x", "y"]);
        assert_eq!(first_token(&parsed.statements[1]).unwrap().text(), "#");
        assert!(Parsed::new("let = = 3;").has_errors);
        assert!(Parsed::new("").statements.is_empty());
    }
}
