//! What a cell defines: each item with what other code depends on.

use ra_ap_syntax::{AstNode, Direction, SyntaxKind, SyntaxNode, SyntaxToken, T, ast};

use super::parse::tokens;

/// An item of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub kind: SyntaxKind,
    /// `None` for an `impl` or `extern` block.
    pub name: Option<String>,
    /// What an `impl` block stands for: `impl < T > Show for G < T >`.
    pub header: String,
    /// The names in a block.
    pub members: Vec<String>,
    /// What values and other types depend on, in tokens: the fields of a type, the methods of a
    /// trait, the value of a constant; `None` for code alone.
    pub shape: Option<String>,
}

/// A name that a `use` brings, and the path behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// `*` and `_`, too.
    pub name: String,
    pub path: Vec<String>,
}

impl Item {
    pub(crate) fn of(node: &SyntaxNode) -> Self {
        let name = name(node);
        let block = node.children().find_map(ast::AssocItemList::cast);
        let members = block.into_iter().flat_map(|list| list.assoc_items().collect::<Vec<_>>());
        Self {
            kind: node.kind(),
            header: if name.is_none() { header(node) } else { String::new() },
            members: members.filter_map(|member| self::name(member.syntax())).collect(),
            shape: shape(node),
            name,
        }
    }

    /// An `impl` of a trait, of which there is one for each header.
    pub(crate) fn is_trait_impl(&self) -> bool {
        self.kind == SyntaxKind::IMPL && self.header.split(' ').any(|word| word == "for")
    }

    /// The item as a user calls it.
    pub(crate) fn title(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => readable(&self.header),
        }
    }
}

/// The names that an `impl` block joins: those of its type, its trait and their arguments, without the
/// paths before them, its own parameters and its conditions.
pub(crate) fn joined(header: &str) -> Vec<&str> {
    let words: Vec<&str> = header.split(' ').collect();
    let mut start = words.iter().position(|word| *word == "impl").map_or(0, |at| at + 1);
    if words.get(start) == Some(&"<") {
        let mut depth = 0;
        let close = words[start..].iter().position(|word| {
            match *word {
                "<" => depth += 1,
                ">" => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        start += close.map_or(0, |at| at + 1);
    }
    let end = words.iter().position(|word| *word == "where").unwrap_or(words.len());
    let words = &words[start.min(end)..end];
    let is_path = |i: usize| words.get(i + 1) == Some(&"::") && words.get(i + 2) != Some(&"<");
    let names = words
        .iter()
        .enumerate()
        .filter(|(i, word)| !is_path(*i) && identifiers(word).next().is_some());
    names
        .map(|(_, word)| *word)
        .filter(|word| !["for", "dyn", "const", "unsafe", "mut"].contains(word))
        .collect()
}

/// Whether an item has no name by which evcxr could replace it.
pub(crate) fn is_unnamed(node: &SyntaxNode) -> bool {
    matches!(node.kind(), SyntaxKind::IMPL | SyntaxKind::EXTERN_BLOCK)
}

/// The name of an item.
pub(crate) fn name(node: &SyntaxNode) -> Option<String> {
    node.children().find_map(ast::Name::cast).map(|name| name.text().to_string())
}

/// What stands before a block's brace.
fn header(node: &SyntaxNode) -> String {
    let mut words = Vec::new();
    for child in node.children_with_tokens() {
        match child.kind() {
            SyntaxKind::ASSOC_ITEM_LIST | SyntaxKind::EXTERN_ITEM_LIST => break,
            SyntaxKind::ATTR => {}
            kind if kind.is_trivia() => {}
            _ => match child {
                ra_ap_syntax::NodeOrToken::Node(node) => words.push(text(&node)),
                ra_ap_syntax::NodeOrToken::Token(token) => words.push(token.text().to_owned()),
            },
        }
    }
    words.join(" ")
}

/// A node's tokens with a space between them: white space and comments make no difference.
fn text(node: &SyntaxNode) -> String {
    without(node, |_| false)
}

/// `impl Show for Vec<f32>` of `impl Show for Vec < f32 >`.
fn readable(header: &str) -> String {
    let mut text = header.to_owned();
    for (from, to) in
        [(" < ", "<"), (" >", ">"), (" :: ", "::"), (" ,", ","), ("& ", "&"), (" :", ":")]
    {
        text = text.replace(from, to);
    }
    text
}

/// See [`Item::shape`].
fn shape(node: &SyntaxNode) -> Option<String> {
    match node.kind() {
        SyntaxKind::STRUCT | SyntaxKind::UNION | SyntaxKind::ENUM | SyntaxKind::TYPE_ALIAS => {
            Some(without(node, changes_nothing))
        }
        // What a method does belongs to the values' own code.
        SyntaxKind::TRAIT => Some(without(node, |child| {
            changes_nothing(child) || child.kind() == SyntaxKind::BLOCK_EXPR
        })),
        SyntaxKind::CONST => Some(without(node, changes_nothing)),
        SyntaxKind::MACRO_RULES | SyntaxKind::MACRO_DEF => Some(text(node)),
        SyntaxKind::FN => is_const_fn(node).then(|| text(node)),
        SyntaxKind::MODULE => {
            let list = node.children().find_map(ast::ItemList::cast)?;
            let shapes: Vec<String> =
                list.syntax().children().filter_map(|item| shape(&item)).collect();
            Some(shapes.join(" "))
        }
        SyntaxKind::IMPL => {
            let list = node.children().find_map(ast::AssocItemList::cast)?;
            let members: Vec<String> = list
                .syntax()
                .children()
                .filter(|it| match it.kind() {
                    SyntaxKind::TYPE_ALIAS | SyntaxKind::CONST => true,
                    SyntaxKind::FN => is_const_fn(it),
                    _ => false,
                })
                .map(|it| text(&it))
                .collect();
            (!members.is_empty()).then(|| format!("{} {}", header(node), members.join(" ")))
        }
        _ => None,
    }
}

fn is_const_fn(node: &SyntaxNode) -> bool {
    ast::Fn::cast(node.clone()).is_some_and(|function| function.const_token().is_some())
}

/// An attribute that changes nothing in memory, or the visibility of an item: that of a field is part
/// of the type's identity for rustc.
fn changes_nothing(node: &SyntaxNode) -> bool {
    let is_of_field = || {
        let parent = node.parent().map(|it| it.kind());
        matches!(parent, Some(SyntaxKind::RECORD_FIELD | SyntaxKind::TUPLE_FIELD))
    };
    match node.kind() {
        SyntaxKind::VISIBILITY => !is_of_field(),
        SyntaxKind::ATTR => !tokens(node).any(|token| token.text() == "repr"),
        _ => false,
    }
}

/// A comma before a closing bracket, where there may as well be none.
fn is_trailing_comma(token: &SyntaxToken) -> bool {
    let next = || {
        let after = token.siblings_with_tokens(Direction::Next).skip(1);
        after.into_iter().find(|it| !it.kind().is_trivia()).map(|it| it.kind())
    };
    let parent = token.parent().map(|it| it.kind());
    // `(u8,)` is a tuple.
    let is_needed = matches!(
        parent,
        Some(SyntaxKind::TUPLE_TYPE | SyntaxKind::TUPLE_EXPR | SyntaxKind::TOKEN_TREE)
    );
    token.kind() == T![,]
        && !is_needed
        && matches!(next(), Some(T!['}'] | T![')'] | T![']'] | T![>]))
}

/// A node's tokens, but for those of some of the nodes below it.
fn without(node: &SyntaxNode, leaves_out: impl Fn(&SyntaxNode) -> bool) -> String {
    let kept = tokens(node).filter(|token| {
        !is_trailing_comma(token)
            && !token.parent_ancestors().take_while(|it| it != node).any(|it| leaves_out(&it))
    });
    kept.map(|token| token.text().to_owned()).collect::<Vec<_>>().join(" ")
}

/// What a `use` statement brings.
pub(crate) fn imports(node: &SyntaxNode) -> Vec<Import> {
    let mut imports = Vec::new();
    if let Some(tree) = ast::Use::cast(node.clone()).and_then(|it| it.use_tree()) {
        walk(&tree, &[], &mut imports);
    }
    imports
}

fn walk(tree: &ast::UseTree, prefix: &[String], imports: &mut Vec<Import>) {
    let mut path = prefix.to_vec();
    if let Some(node) = tree.path() {
        let segments = node.syntax().descendants().filter_map(ast::PathSegment::cast);
        path.extend(segments.map(|segment| segment.syntax().text().to_string()));
    }
    if let Some(list) = tree.use_tree_list() {
        for tree in list.use_trees() {
            walk(&tree, &path, imports);
        }
        return;
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let renamed = tree.rename().map(|rename| {
        ast::HasName::name(&rename).map_or("_".to_owned(), |name| name.text().to_string())
    });
    let name = match renamed {
        Some(name) => name,
        None if tree.star_token().is_some() => "*".to_owned(),
        None => path.last().cloned().unwrap_or_default(),
    };
    imports.push(Import { name, path });
}

/// The identifiers in a text.
pub(crate) fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::parse;
    use super::*;

    /// The items of a cell, in order, and what it imports.
    pub(crate) fn of_cell(parsed: &parse::Parsed) -> (Vec<(Item, SyntaxNode)>, Vec<Import>) {
        let (mut items, mut imported) = (Vec::new(), Vec::new());
        for node in &parsed.statements {
            if node.kind() == SyntaxKind::USE {
                imported.extend(imports(node));
            } else if parse::is_item(node) {
                items.push((Item::of(node), node.clone()));
            }
        }
        (items, imported)
    }

    fn items(code: &str) -> Vec<Item> {
        of_cell(&parse::Parsed::new(code)).0.into_iter().map(|(item, _)| item).collect()
    }

    #[test]
    fn code_is_told_from_what_values_depend_on() {
        let same = |a: &str, b: &str| items(a)[0].shape == items(b)[0].shape;
        assert!(same("struct A { x: f32 }", "/// Doc.\n#[derive(Debug)] struct A{x:f32}"));
        assert!(!same("struct A { x: f32 }", "struct A { x: f64 }"));
        assert!(same("struct A { x: u8 }", "struct A {\n    x: u8, // more\n}"));
        assert!(!same("struct A { x: u8 }", "#[repr(C)] struct A { x: u8 }"));
        assert!(same("trait T { fn f(&self) { a() } }", "trait T { fn f(&self) { b() } }"));
        assert!(!same("trait T { fn f(&self); }", "trait T { fn f(&self); fn g(&self); }"));
        assert!(same("fn f() { 1; }", "fn f() { 2; }"));
        assert!(!same("const fn f() -> u8 { 1 }", "const fn f() -> u8 { 2 }"));
        assert!(same("impl A { fn f() {} }", "impl A { fn f() { 1; } }"));
        assert!(!same("impl A { const N: u8 = 1; }", "impl A { const N: u8 = 2; }"));
        assert!(!same("mod m { struct A(u8); }", "mod m { struct A(u16); }"));
        assert!(same("mod m { fn f() {} }", "mod m { fn f() { 1; } }"));
    }

    #[test]
    fn blocks_have_headers_and_members() {
        let all = items(
            "impl<T: Clone> std::fmt::Display for G<T> { fn fmt() {} }\nimpl G<u8> { fn a() {} const B: u8 = 1; }",
        );
        assert_eq!(all[0].header, "impl < T : Clone > std :: fmt :: Display for G < T >");
        assert!(all[0].is_trait_impl() && !all[1].is_trait_impl());
        assert_eq!(all[1].members, ["a", "B"]);
        assert_eq!(all[0].title(), "impl<T: Clone> std::fmt::Display for G<T>");
    }

    #[test]
    fn imports_are_named() {
        let parsed = parse::Parsed::new("use a::{self, b::{C, D as E}, f::*, G as _};");
        let imports = of_cell(&parsed).1;
        let names: Vec<&str> = imports.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "C", "E", "*", "_"]);
        assert_eq!(imports[2].path, ["a", "b", "D"]);
    }
}
