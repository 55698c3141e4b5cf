use std::path::Path;

use ra_ap_syntax::ast::{HasModuleItem, SourceFile};
use ra_ap_syntax::{AstNode, Edition};

use super::*;

#[test]
fn finished_code_is_complete() {
    for code in [
        "1",
        "",
        "'a'",
        "'\\''",
        "// {",
        "let x = vec![1, 2];",
        "fn f() -> u8 { 1 }",
        ":dep x = \"1\"",
        ":dep x = {\nlet y = 1;",
        "::std::mem::drop(1)",
        "let s: &'static str = \"}\";",
        "r#\"\"{\"#",
        "/* /* { */ */ 1",
        "let r#type = 1;",
        "1..",
        "return",
        "x.0.1",
        "struct S;",
        "#![allow(unused)]\n1",
        "if a { 1 } else { 2 }",
        "let Some(x) = y else { return };",
        "for i in 0..3 {}",
        "match x {}",
        "vec![1; 3].len()",
        "/// says\nfn f() {}",
        "a < b",
        "1.",
        "use std::io;",
        "|x| x + 1",
        "---1",
    ] {
        assert_eq!(state(code), State::Complete, "{code}");
    }
}

#[test]
fn unfinished_code_asks_for_more() {
    for (code, indent) in [
        ("fn f() {", 4),
        ("vec![(1,", 4),
        ("f(\n    g(", 8),
        ("\"abc", 0),
        ("/* a", 0),
        ("let x =", 4),
        ("let x = 1", 0),
        ("r#\"a\"", 0),
        ("a\n    .b().", 4),
        ("f(\"(\"", 4),
        ("1 +", 4),
        ("x.", 4),
        ("if x", 0),
        ("if x {\n    1\n} else", 0),
        ("fn f()", 0),
        ("fn f", 0),
        ("fn", 0),
        ("struct S", 0),
        ("#[derive(Debug)]", 0),
        ("#", 4),
        ("match x", 0),
        ("match x {\n    1 =", 8),
        ("match x {\n    1 =>", 8),
        ("let Some(x) = y else", 0),
        ("use std::", 4),
        ("use std::{io,", 4),
        ("impl Net", 0),
        ("/// says", 0),
        ("fn f() {\n    let y =", 8),
        ("fn f() {\n    1;\n", 4),
        ("let", 0),
        ("le", 0),
        ("pub", 0),
        ("unsafe", 0),
        ("'outer", 0),
        ("'", 0),
        ("0x", 0),
        ("println!", 4),
        ("println!(\"a\",", 4),
        ("|x", 0),
        ("|", 4),
        ("&", 4),
        ("let v: Vec<", 4),
        ("x as", 0),
        ("while let Some(x)", 0),
        ("async", 0),
        ("enum E {\n    A,", 4),
        ("macro_rules! m", 0),
        ("b'", 0),
        ("'/", 0),
        ("f(b'/", 0),
        ("\"\\", 0),
        ("trait T { fn f(&self)", 4),
        ("1e", 0),
        ("a /", 4),
    ] {
        match code {
            // A name by itself is an expression.
            "le" => assert_eq!(state(code), State::Complete, "{code}"),
            _ => assert_eq!(state(code), State::Incomplete(indent), "{code}"),
        }
    }
}

#[test]
fn nothing_mends_what_is_invalid() {
    for code in [
        "}",
        "(]",
        "fn f() { ) }",
        "let = = 3;",
        "let x = ;",
        "fn 3() {}",
        "let x = 1 2;",
        "struct { a: u8 }",
        "if { }}",
        "x.;",
        "'ab'",
        "\"\\q\"",
        "use ;",
        "fn f( {",
        "match { => }",
        "let let x = 1;",
        "1 +;",
        "@",
        "impl =",
        "enum E { A B }",
        "let x: = 1;",
        "#[derive(Debug]",
        ") \"abc",
        "let x = (1, 2];",
        "a b",
        "for in x {}",
        "]",
        "x = = 1",
        ":vars\n}",
        "fn f() -> {}",
    ] {
        assert_eq!(state(code), State::Invalid, "{code}");
    }
}

#[test]
fn whatever_is_asked_is_answered() {
    for piece in [
        "(",
        "[",
        "{",
        "!",
        "-",
        "&",
        "|x| ",
        "if a {} else ",
        "Vec<",
        "a = ",
        "x as ",
        "'",
        "🦀",
        "#",
    ] {
        let _ = state(&piece.repeat(20_000));
    }
    for code in ["\0", "\u{feff}1", "#!/bin/sh", "---\n---", "r#", "br##\"", "é\"é", "\r\n"] {
        let _ = state(code);
    }
}

/// The texts of the files with this extension in a folder and those below it.
fn files(folder: &Path, extension: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        if path.is_dir() {
            texts.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            texts.push(std::fs::read_to_string(&path).expect("text"));
        }
    }
    texts
}

/// The code cells of the notebooks, and the items of the examples; in a long run, those of the
/// kernel and of the library, too.
fn cells() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cells = Vec::new();
    for notebook in files(&root.join("notebooks"), "ipynb") {
        let notebook: serde_json::Value = serde_json::from_str(&notebook).expect("JSON");
        for cell in notebook["cells"].as_array().expect("cells") {
            if cell["cell_type"] == "code" {
                let source = &cell["source"];
                let lines = source
                    .as_array()
                    .map(|lines| lines.iter().filter_map(serde_json::Value::as_str));
                cells.push(lines.map_or_else(
                    || source.as_str().expect("text").to_owned(),
                    |lines| lines.collect(),
                ));
            }
        }
    }
    let long = std::env::var_os(twoviews_constants::variable::LONG).is_some();
    let folders: &[&str] = if long { &["examples", "kernel/src", "src"] } else { &["examples"] };
    for source in folders.iter().flat_map(|folder| files(&root.join(folder), "rs")) {
        let parsed = SourceFile::parse(&source, Edition::Edition2024).tree();
        cells.extend(parsed.items().map(|item| item.syntax().text().to_string()));
    }
    cells
}

#[test]
fn a_prefix_of_a_cell_is_never_invalid() {
    let cells = cells();
    assert!(cells.len() > 40);
    let mut wrong = Vec::new();
    for cell in &cells {
        if state(cell) != State::Complete {
            wrong.push(format!("not complete: {cell}"));
        }
        for (end, _) in cell.char_indices() {
            if state(&cell[..end]) == State::Invalid {
                let line = cell[..end].rfind('\n').map_or(0, |end| end + 1);
                wrong.push(format!("invalid: {}", &cell[line..end]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cells.len(), wrong.join("\n---\n"));
}

#[test]
fn what_nothing_mends_is_invalid_wherever_it_stands() {
    for cell in cells() {
        let rust = without_commands(&cell);
        let mut open = Vec::new();
        for token in tokens(&rust) {
            open.extend(closer(token.kind));
            if is_closer(token.kind) {
                open.pop();
            }
            // Between the two colons of a path, say, a statement does not end.
            let (before, after) = rust.split_at(token.range.end);
            let mut wrong = vec![if open.last() == Some(&SyntaxKind::R_PAREN) { "}" } else { ")" }];
            if token.kind == SyntaxKind::SEMICOLON && open.is_empty() {
                wrong.extend([
                    " let = = 3;",
                    " let x = ;",
                    " fn 3() {}",
                    " 1 2;",
                    " x.;",
                    " use ;",
                ]);
            }
            for wrong in wrong.into_iter().filter(|_| !token.is_trivia()) {
                for code in [format!("{before}{wrong}"), format!("{before}{wrong}{after}")] {
                    assert_eq!(state(&code), State::Invalid, "{code}");
                }
            }
        }
    }
}
