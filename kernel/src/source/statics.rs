//! Statics that live as long as the process of the cells.
//!
//! Each cell is a library with statics of its own. Here each static gets a name in the linker's eyes
//! that says what it is; the first library that brings it is used by all that follow, which are loaded
//! so that they see it (`RTLD_GLOBAL`). A static of another type or initial value is another one.

use ra_ap_syntax::{AstNode, SyntaxKind, SyntaxNode, SyntaxToken, T, ast};

use super::edits::Edits;
use super::identity::{Definitions, digest};
use super::parse::{range, token_range, tokens};

/// Names the statics in a statement or item.
pub(crate) fn rewrite(node: &SyntaxNode, definitions: &Definitions, edits: &mut Edits) {
    for item in node.descendants().filter_map(ast::Static::cast) {
        let item = item.syntax();
        let has_a_name = tokens(item)
            .any(|it| ["export_name", "no_mangle", "link_section"].contains(&it.text()));
        let is_foreign = item.ancestors().any(|it| it.kind() == SyntaxKind::EXTERN_BLOCK);
        let Some(name) = super::items::name(item).filter(|_| !has_a_name && !is_foreign) else {
            continue;
        };
        // Statics of one name may stand in several functions and modules.
        let owners: Vec<String> =
            item.ancestors().skip(1).filter_map(|it| super::items::name(&it)).collect();
        let text: Vec<String> = tokens(item).map(|it| it.text().to_owned()).collect();
        let symbol = symbol(&name, &format!("{owners:?} {}", text.join(" ")), definitions);
        if let Some(at) = start_of(item) {
            edits.insert(at, symbol);
        }
    }
}

/// The attribute that names a static, for the linker.
fn symbol(name: &str, text: &str, definitions: &Definitions) -> String {
    let identity = definitions.identity(text);
    format!("#[unsafe(export_name = \"twoviews_{name}_{:016x}\")] ", digest(&(text, identity)))
}

/// Where an item begins after its documentation and attributes.
fn start_of(item: &SyntaxNode) -> Option<usize> {
    let skipped = |token: &SyntaxToken| {
        token.parent_ancestors().take_while(|it| it != item).any(|it| it.kind() == SyntaxKind::ATTR)
    };
    tokens(item).find(|token| !skipped(token)).map(|token| token_range(&token).start)
}

/// Whether a statement is a call of `thread_local!`.
pub(crate) fn is_thread_local(node: &SyntaxNode) -> bool {
    let call = node.descendants().find_map(ast::MacroCall::cast);
    let is_outermost = matches!(
        node.kind(),
        SyntaxKind::MACRO_EXPR | SyntaxKind::MACRO_CALL | SyntaxKind::EXPR_STMT
    );
    let path = call.and_then(|call| call.path()).map(|path| path.syntax().text().to_string());
    is_outermost && path.is_some_and(|path| path == "thread_local" || path == "std::thread_local")
}

/// Makes an item of each static in a call of `thread_local!` that is a statement. Returns their names,
/// each with the place where a comment may stand.
pub(crate) fn rewrite_thread_local(
    node: &SyntaxNode,
    code: &str,
    definitions: &Definitions,
    edits: &mut Edits,
) -> Vec<(String, usize)> {
    let Some(tree) = node.descendants().find(|it| it.kind() == SyntaxKind::TOKEN_TREE) else {
        return Vec::new();
    };
    let inner: Vec<SyntaxToken> = tokens(&tree).collect();
    let (Some(open), Some(close)) = (inner.first(), inner.last()) else { return Vec::new() };
    let mut names = Vec::new();
    let mut declarations: Vec<Vec<&SyntaxToken>> = vec![Vec::new()];
    for token in &inner[1..inner.len() - 1] {
        let is_end = token.kind() == T![;] && token.parent().as_ref() == Some(&tree);
        declarations.last_mut().into_iter().for_each(|it| it.push(token));
        if is_end {
            declarations.push(Vec::new());
        }
    }
    for declaration in &declarations {
        let at = |kind: SyntaxKind| declaration.iter().position(|token| token.kind() == kind);
        // static NAME : TYPE = VALUE ;
        let (Some(keyword), Some(colon)) = (at(T![static]), at(T![:])) else { continue };
        let Some(equals) = outer_equals(declaration) else { continue };
        let Some(name) = declaration.get(keyword + 1).map(|token| token.text().to_owned()) else {
            continue;
        };
        let text: Vec<&str> = declaration.iter().map(|token| token.text()).collect();
        let end_of = |token: &SyntaxToken| token_range(token).end;
        let kind = &code[end_of(declaration[colon])..token_range(declaration[equals]).start];
        // On one line, and without comments that would reach to its end.
        let kind: Vec<&str> =
            kind.lines().map(|line| line.split("//").next().unwrap_or(line).trim()).collect();
        let kind = kind.join(" ");
        let start = token_range(declaration[keyword]).start;
        let visibility = declaration[..keyword].iter().find(|token| token.kind() == T![pub]);
        let begin = visibility.map_or(start, |token| token_range(token).start);
        edits.insert(begin, symbol(&name, &text.join(" "), definitions));
        names.push((name.clone(), token_range(declaration[keyword]).end));
        edits.insert(token_range(declaration[colon]).end, " std::thread::LocalKey<");
        edits.insert(
            token_range(declaration[equals]).start,
            format!("> = {{ thread_local! {{ static {name}: {} ", kind.trim()),
        );
        let end = declaration.last().map_or(start, |token| token_range(token).end);
        let has_end = declaration.last().is_some_and(|token| token.kind() == T![;]);
        edits.insert(end, format!("{} }} {name} }};", if has_end { "" } else { ";" }));
    }
    // What is left of the call itself.
    edits.blank(range(node).start..token_range(open).end, code);
    edits.blank(token_range(close).start..range(node).end, code);
    names
}

/// The sign between type and value: not one within `<…>`.
fn outer_equals(declaration: &[&SyntaxToken]) -> Option<usize> {
    let mut depth = 0;
    declaration.iter().position(|token| {
        match token.kind() {
            T![<] => depth += 1,
            T![>] => depth -= 1,
            _ => {}
        }
        token.kind() == T![=] && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse::Parsed;
    use super::*;

    fn rewritten(code: &str) -> String {
        let (mut edits, definitions) = (Edits::default(), Definitions::default());
        for node in &Parsed::new(code).statements {
            if is_thread_local(node) {
                rewrite_thread_local(node, code, &definitions, &mut edits);
            } else {
                rewrite(node, &definitions, &mut edits);
            }
        }
        // The digests are for the linker.
        let text = edits.apply(code).text;
        let mut parts = text.split("export_name = \"");
        let mut clean = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            clean += part.split_once("\")] ").unwrap().1;
        }
        clean.replace("#[unsafe(", "@")
    }

    #[test]
    fn statics_are_named_wherever_they_stand() {
        assert_eq!(
            rewritten("/// Doc.\n#[used]\npub static A: u8 = 1;"),
            "/// Doc.\n#[used]\n@pub static A: u8 = 1;"
        );
        assert_eq!(
            rewritten("fn f() { static mut B: u8 = 1; }"),
            "fn f() { @static mut B: u8 = 1; }"
        );
        assert_eq!(rewritten("extern \"C\" { static C: u8; }"), "extern \"C\" { static C: u8; }");
    }

    #[test]
    fn thread_locals_become_items() {
        let code = "thread_local! {\n    static A: Cell<u8> = Cell::new(1);\n    pub static B: u8 = const { 2 }\n}";
        let expected = "\n    @static A: std::thread::LocalKey< Cell<u8> > = { thread_local! { static A: Cell<u8> = Cell::new(1); } A };\n    @pub static B: std::thread::LocalKey< u8 > = { thread_local! { static B: u8 = const { 2 }; } B };\n";
        assert_eq!(rewritten(code), expected);
        assert!(!Parsed::new(&rewritten(code).replace('@', "")).has_errors);
        let paths = rewritten("thread_local!(static T: Box<dyn Iterator<Item = a::B>> = f(););");
        assert_eq!(paths.matches("Box<dyn Iterator<Item = a::B>>").count(), 2, "{paths}");
    }

    #[test]
    fn another_initial_value_is_another_static() {
        let name = |code: &str| {
            let mut edits = Edits::default();
            rewrite(&Parsed::new(code).statements[0], &Definitions::default(), &mut edits);
            edits.apply(code).text
        };
        let digest = |text: String| text.split('"').nth(1).unwrap().to_owned();
        assert_eq!(digest(name("static A: u8 = 1;")), digest(name("static  A:u8 = /* one */ 1;")));
        assert_ne!(digest(name("static A: u8 = 1;")), digest(name("static A: u8 = 2;")));
        let inside = |f: &str| digest(name(&format!("fn {f}() {{ static A: u8 = 1; }}")));
        assert_ne!(inside("f"), inside("g"));
    }
}
