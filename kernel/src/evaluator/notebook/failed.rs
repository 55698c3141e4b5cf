//! What cells would define that did not compile.

use std::collections::BTreeMap;

use ra_ap_syntax::{
    AstNode, Direction, SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken, T, ast,
};

use super::refusals::formats;
use crate::source::items::{self, Item};
use crate::source::parse::{self, Parsed, is_item};

/// A definition that did not compile.
#[derive(Clone, Debug)]
struct Failed {
    count: i64,
    /// Jupyter's name of its cell.
    id: Option<String>,
    /// `IMPL` for what stands in such a block.
    kind: SyntaxKind,
    text: String,
    is_told: bool,
}

/// The definitions that did not compile, by name.
#[derive(Debug, Default)]
pub(crate) struct FailedDefinitions {
    by_name: BTreeMap<String, Failed>,
}

impl FailedDefinitions {
    /// Notes what a cell defines that did not compile. Where a brace is missing, the next function stands in the one
    /// before it.
    pub(crate) fn note(&mut self, code: &str, count: i64, id: Option<&str>) {
        self.forget_cell(id);
        let parsed = Parsed::new(code);
        let mut failed = |name: String, kind: SyntaxKind, node: &SyntaxNode| {
            let (id, text) = (id.map(str::to_owned), node.text().to_string());
            self.by_name.insert(name, Failed { count, id, kind, text, is_told: false });
        };
        for statement in &parsed.statements {
            let depth = if parsed.has_errors { usize::MAX } else { 1 };
            for node in statement.descendants().take(depth).filter(is_item) {
                let item = Item::of(&node);
                for member in item.members {
                    failed(member, SyntaxKind::IMPL, &node);
                }
                if let Some(name) = item.name {
                    failed(name, item.kind, &node);
                }
            }
        }
    }

    /// A cell has compiled: what it defines is defined, and what stood in it before has been given up.
    pub(crate) fn settle<'a>(&mut self, id: Option<&str>, names: impl Iterator<Item = &'a String>) {
        self.forget_cell(id);
        for name in names {
            self.by_name.remove(name);
        }
    }

    fn forget_cell(&mut self, id: Option<&str>) {
        if id.is_some() {
            self.by_name.retain(|_, failed| failed.id.as_deref() != id);
        }
    }

    /// The cell that would define a name, or a function of an `impl` block.
    pub(crate) fn cell_of(&self, name: &str, is_member: bool) -> Option<i64> {
        let failed = self.by_name.get(name)?;
        ((failed.kind == SyntaxKind::IMPL) == is_member).then_some(failed.count)
    }

    /// What a cell uses that was not told of yet, with the cell that did not compile and its text of the definition.
    pub(super) fn used(&self, code: &str) -> Vec<(&str, i64, &str)> {
        if self.by_name.is_empty() {
            return Vec::new();
        }
        let parsed = Parsed::new(code);
        if parsed.has_errors {
            return Vec::new();
        }
        let all =
            self.by_name.iter().filter(|(name, it)| !it.is_told && is_used(&parsed, name, it.kind));
        all.map(|(name, it)| (name.as_str(), it.count, it.text.as_str())).collect()
    }

    pub(crate) fn told(&mut self, name: &str) {
        if let Some(failed) = self.by_name.get_mut(name) {
            failed.is_told = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.by_name.clear();
    }
}

/// Whether a cell uses an item of this name: not where the cell binds the name, be it for a parameter or a field.
fn is_used(parsed: &Parsed, name: &str, kind: SyntaxKind) -> bool {
    let nodes = || parsed.statements.iter().flat_map(SyntaxNode::descendants);
    if nodes().filter_map(ast::Name::cast).any(|it| it.text() == name) {
        return false;
    }
    let tokens = || parsed.statements.iter().flat_map(parse::tokens);
    tokens().any(|token| match token.kind() {
        SyntaxKind::IDENT => token.text() == name && is_use(&token, kind),
        SyntaxKind::STRING => {
            let is_value = matches!(kind, SyntaxKind::CONST | SyntaxKind::STATIC);
            is_value && parent(&token) == SyntaxKind::TOKEN_TREE && formats(token.text(), name)
        }
        _ => false,
    })
}

/// Whether an identifier is the first of a path, and one of a macro where a macro is meant.
fn is_use(token: &SyntaxToken, kind: SyntaxKind) -> bool {
    let is_macro = kind == SyntaxKind::MACRO_RULES;
    match parent(token) {
        SyntaxKind::NAME_REF => {
            let segment = token.parent().and_then(|it| it.parent());
            let Some(path) = segment.and_then(ast::PathSegment::cast).map(|it| it.parent_path())
            else {
                return false;
            };
            let is_call =
                path.syntax().parent().is_some_and(|it| it.kind() == SyntaxKind::MACRO_CALL);
            kind != SyntaxKind::IMPL && path.qualifier().is_none() && is_call == is_macro
        }
        SyntaxKind::TOKEN_TREE => {
            let before = neighbours(token, Direction::Prev).next();
            let mut after = neighbours(token, Direction::Next);
            let (first, second) = (after.next(), after.next());
            // Fields, what is named in another path, and named arguments.
            let is_other = matches!(before, Some(T![.] | T![:]))
                || first == Some(T![:]) && second != Some(T![:])
                || first == Some(T![=]) && second != Some(T![=]);
            kind != SyntaxKind::IMPL
                && !is_other
                && (first == Some(T![!]) && second != Some(T![=])) == is_macro
        }
        _ => false,
    }
}

fn parent(token: &SyntaxToken) -> SyntaxKind {
    token.parent().map_or(SyntaxKind::ERROR, |it| it.kind())
}

/// The kinds of what stands beside a token in its parent.
fn neighbours(token: &SyntaxToken, direction: Direction) -> impl Iterator<Item = SyntaxKind> {
    let all = token.siblings_with_tokens(direction).skip(1).map(|it: SyntaxElement| it.kind());
    all.filter(|kind| !kind.is_trivia())
}

/// The text of an item in a cell.
pub(super) fn text_of(code: &str, name: &str) -> Option<String> {
    let parsed = Parsed::new(code);
    let mut items = parsed.statements.iter().filter(|node| is_item(node));
    let found = items.rfind(|node| items::name(node).is_some_and(|it| it == name));
    found.map(|node| node.text().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a cell uses the definition `f`, `F` or `m` that did not compile.
    fn uses(code: &str) -> bool {
        let mut failed = FailedDefinitions::default();
        failed.note(
            "fn f() -> u8 { \"\" }\nconst F: u8 = x;\nmacro_rules! m { () => { x } }",
            2,
            None,
        );
        !failed.used(code).is_empty()
    }

    #[test]
    fn uses_are_told_from_other_things_of_the_name() {
        for code in [
            "f()",
            "println!(\"{}\", f())",
            "let x = [0; F];",
            "println!(\"{F:>3}\")",
            "println!(\"{{{F}}}\")",
            "m!()",
            "vec![f(), 2]",
            "let g = || f();",
            "assert_eq!(f(), 3)",
            "iter.map(f)",
            "f == g",
        ] {
            assert!(uses(code), "{code}");
        }
        for code in [
            "let f = 3; f",
            "p.f",
            "p.f()",
            "struct W { f: u8 }",
            "let W { f } = w;",
            "|f: u8| f + 1",
            "fn k(f: u8) -> u8 { f }",
            "for f in 0..2 { dbg!(f); }",
            "println!(\"{f}\")",
            "println!(\"{x}\", x = 3, f = 2)",
            "println!(\"{{F}}\")",
            "let s = \"{F}\";",
            "f n g()",
            "println!(\"{}\", p.f)",
            "println!(\"{}\", a::f())",
            "f!()",
            "m()",
            "W { f: 1 }",
            "// f()",
            "a::f()",
        ] {
            assert!(!uses(code), "{code}");
        }
    }

    #[test]
    fn what_is_defined_or_given_up_is_forgotten() {
        let mut failed = FailedDefinitions::default();
        failed.note("fn f() -> u8 { 1 \nfn g() -> u8 { 2 }", 3, Some("a"));
        assert_eq!((failed.cell_of("f", false), failed.cell_of("g", false)), (Some(3), Some(3)));
        failed.settle(Some("b"), ["f".to_owned()].iter());
        assert_eq!((failed.cell_of("f", false), failed.cell_of("g", false)), (None, Some(3)));
        failed.settle(Some("a"), std::iter::empty());
        assert_eq!(failed.cell_of("g", false), None);
        failed.note("impl S { fn area(&self) -> u8 { \"\" } }", 4, None);
        assert_eq!((failed.cell_of("area", true), failed.cell_of("area", false)), (Some(4), None));
    }
}
