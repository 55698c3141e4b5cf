use std::fs;
use std::path::{Path, PathBuf};

use ra_ap_syntax::ast::{self, AstNode, HasAttrs, SourceFile};
use ra_ap_syntax::{Edition, NodeOrToken, SyntaxNode};

use super::*;

#[test]
fn what_functions_do_is_left_out() {
    for (text, expected) in [
        ("fn f() -> u8 { 1 }", "fn f() -> u8 {}"),
        (
            "impl A { pub fn f(&self) { g({}) }\n\n fn h() {} }",
            "impl A { pub fn f(&self) {}\nfn h() {} }",
        ),
        ("trait T { fn f(); fn g() { 1 } }", "trait T { fn f(); fn g() {} }"),
        (
            "fn f<const N: usize>() -> A<{ N + 1 }> where B: C, { 1 }",
            "fn f<const N: usize>() -> A<{ N + 1 }> where B: C, {}",
        ),
        (
            "fn f(a: fn(u8) -> u8) -> [u8; { 2 }] { [1, 2] }",
            "fn f(a: fn(u8) -> u8) -> [u8; { 2 }] {}",
        ),
        ("async unsafe extern \"C\" fn f() { 1 }", "async unsafe extern \"C\" fn f() {}"),
        ("type F = fn() -> u8; struct S { a: u8 }", "type F = fn() -> u8; struct S { a: u8 }"),
        ("const A: u8 = { 1 }; fn f() { fn g() { 1 } }", "const A: u8 = { 1 }; fn f() {}"),
        ("// a\nfn f() {} /* b */ // c\n", "\nfn f() {}\n"),
        (
            "//! a\n/// b\n/** c */ /*! d */\nfn f() {}",
            "//! a\n/// b\n/** c */ /*! d */\nfn f() {}",
        ),
        ("//// a\nfn f() {}", "\nfn f() {}"),
        ("#[cfg(test)]\nmod tests { use super::*; }", "#[cfg(test)]\nmod tests {}"),
        ("#[inline]\n#[must_use = \"x\"]\n#[deprecated]\nfn f() {}", "\n#[deprecated]\nfn f() {}"),
        (
            "macro_rules! m { ($a:ty) => { impl T for $a { fn f() { $a } } } }",
            "macro_rules! m { ($a:ty) => { impl T for $a { fn f() {} } } }",
        ),
        (
            "macro_rules! m { () => { /// a \" \n    /// b\n    fn f() {} } }",
            "macro_rules! m { () => { #[doc = r#\" a \" \n b\"#]\nfn f() {} } }",
        ),
        (
            "macro_rules! m { () => { /// a\n fn f() {} } }",
            "macro_rules! m { () => { /// a\nfn f() {} } }",
        ),
        // Not finished, not balanced.
        ("fn f() { (", "fn f() { ("),
        ("fn f(", "fn f("),
        ("} fn f() { 1 }", "} fn f() {}"),
        ("fn", "fn"),
        ("", ""),
    ] {
        assert_eq!(outline(text), expected, "{text}");
    }
}

#[test]
fn what_a_type_or_a_macro_may_depend_on_stays() {
    for text in [
        "fn f() -> impl Iterator<Item = u8> { [1].into_iter() }",
        "fn f() -> Result<impl T, E> { Ok(1) }",
        "pub const fn f() -> usize { 3 }",
        "const unsafe extern \"C\" fn f() -> usize { 3 }",
        // What it is called with, and what it shall be called with.
        "machine! { fn a() { b => c } }",
        "macro_rules! m { (#[inline] fn $a:ident() { $($b:tt)* }) => { $($b)* } }",
        // Without it nothing says how often.
        "macro_rules! m { ($($a:ident)*) => { $( fn f() { $a } )* } }",
        "macro_rules! m { ($($a:meta)*) => { $( #[inline($a)] )* fn f() {} } }",
    ] {
        assert_eq!(outline(text), text);
    }
}

/// The words of everything but documentation, without bodies.
fn signatures(node: &SyntaxNode, words: &mut Vec<String>) {
    for child in node.children_with_tokens() {
        match child {
            NodeOrToken::Node(it) if is_left_out(&it) => {}
            NodeOrToken::Node(it) => signatures(&it, words),
            NodeOrToken::Token(it) if it.kind().is_trivia() => {}
            NodeOrToken::Token(it) => words.push(it.text().to_owned()),
        }
    }
}

/// What [`outline`] may leave out of code.
fn is_left_out(node: &SyntaxNode) -> bool {
    let is_body = ast::BlockExpr::can_cast(node.kind())
        && node.parent().is_some_and(|it| ast::Fn::can_cast(it.kind()));
    let attribute = ast::Attr::cast(node.clone()).and_then(|it| it.path());
    let is_attribute =
        attribute.is_some_and(|it| LEFT_OUT.contains(&it.syntax().text().to_string().as_str()));
    let is_test = ast::Module::cast(node.clone())
        .is_some_and(|it| it.attrs().any(|attribute| attribute.syntax().text() == "#[cfg(test)]"));
    // Macros' definitions and calls are compared by what they still parse as.
    let is_macro = ast::TokenTree::can_cast(node.kind());
    is_body || is_attribute || is_test || is_macro
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|it| it == "rs") {
            found.push(entry);
        }
    }
}

fn assert_same_signatures(file: &Path) {
    let Ok(text) = fs::read_to_string(file) else { return };
    let parse = |text: &str| {
        let parse = SourceFile::parse(text, Edition::Edition2024);
        let mut words = Vec::new();
        signatures(&parse.syntax_node(), &mut words);
        (parse.errors().len(), words)
    };
    let shortened = outline(&text);
    let (before, after) = (parse(&text), parse(&shortened));
    // What is no Rust to begin with has no signatures.
    if before.0 > 0 {
        return;
    }
    assert_eq!(after.0, 0, "{}", file.display());
    let differs = before.1.iter().zip(&after.1).position(|(a, b)| a != b);
    assert_eq!((differs, before.1.len()), (None, after.1.len()), "{}", file.display());
    // Of an outline nothing more can be left out.
    assert_eq!(outline(&shortened), shortened, "{}", file.display());
}

/// Every eighth file: all of them take seconds, and those of all crates on this machine minutes.
#[test]
fn signatures_of_the_standard_library_are_what_they_were() {
    let library = crate::build::std_source::of_the_toolchain().filter(|it| it.is_dir());
    let Some(library) = library else {
        eprintln!("skipped: the toolchain has no source");
        return;
    };
    let mut all = Vec::new();
    for part in ["core/src", "alloc/src", "std/src"] {
        files(&library.join(part), &mut all);
    }
    assert!(all.len() > 500);
    all.sort();
    let mut step = 8;
    if std::env::var_os("TWOVIEWS_LONG").is_some() {
        step = 1;
        let registry = std::env::home_dir().map(|it| it.join(".cargo/registry/src"));
        registry.iter().filter(|it| it.is_dir()).for_each(|it| files(it, &mut all));
    }
    all.iter().step_by(step).for_each(|file| assert_same_signatures(file));
}
