use super::*;

/// The text that is asked, with a bar at the position, and the word.
fn asked(marked: &str) -> Option<(String, String)> {
    let cursor = marked.find('¦').expect("a bar");
    let code = marked.replacen('¦', "", 1);
    let query = find(&code, cursor)?;
    let mut text = query.text;
    text.insert(query.at, '¦');
    Some((
        text.replace(FREE.0, "<").replace(FREE.1, ">").replace(WORD, "W"),
        code[query.word].to_owned(),
    ))
}

#[test]
fn the_word_is_taken_out() {
    for (marked, text, word) in [
        ("net.in¦", "net.¦;", "in"),
        ("net.for¦ward(1)", "net.¦(1)", "forward"),
        ("¦net.w", "();¦W.w", "net"),
        ("¦", "();¦W;", ""),
        ("let ü = 1; ü¦", "let ü = 1; ();¦W;", "ü"),
        ("let a = ne¦\nlet b = 1;", "let a = <¦W>;\nlet b = 1;", "ne"),
        ("a¦\n    .b()", "();¦W\n    .b()", "a"),
        ("t.0.1¦", "t.0.¦;", "1"),
        ("t.0¦.1", "t.¦.1", "0"),
        ("1.¦", "1.¦;", ""),
        ("struct A;\nne¦", "struct A;\n();¦W;", "ne"),
        ("if a { 1 } el¦", "if a { 1 } ¦W;", "el"),
        ("f(¦\"a\")", "f(<¦W> \"a\")", ""),
        ("let k: Kind = Kind::Fl¦", "let k: Kind = <Kind::¦>;", "Fl"),
        ("let c = Cfg { l¦ };", "let c = Cfg { ¦W };", "l"),
        ("let c = Cfg { lr: l¦ };", "let c = Cfg { lr: <¦W> };", "l"),
        ("struct A¦", "struct ¦W;", "A"),
        ("for x in y {}\nne¦", "for x in y {}\n();¦W;", "ne"),
        (":dep x = \"1\"\nne¦", "            \n();¦W;", "ne"),
        ("::std::me¦", "<::std::¦>;", "me"),
    ] {
        assert_eq!(asked(marked), Some((text.to_owned(), word.to_owned())), "{marked}");
    }
}

#[test]
fn brackets_are_closed_and_macros_are_none() {
    for (marked, text) in [
        ("println!(\"{}\", net.fo¦", "        (\"{}\", net.¦)"),
        ("std::println!(\"{}\", net.fo¦);", "             (\"{}\", net.¦);"),
        ("vec![f(net.¦]", "    [f(net.¦)]"),
        ("f(net.¦\nlet b = [1];", "f(net.¦)"),
        ("fn f() {\n  g(ne¦;\n  h();\n}", "fn f() {\n  g(<¦W>;)}"),
        ("fn f() { g(ne¦) }", "fn f() { g(<¦W>) }"),
        ("} ne¦", "  ();¦W;"),
        ("vec![1]; net.¦", "vec![1]; net.¦;"),
        ("println!(\"a {ne¦} {}\", 1);", "        (<¦W>, 1);"),
        ("x.f(\"a¦\nb\");", ""),
        ("a != (b¦", "a != (<¦W>)"),
        ("#[derive(De¦", "#[derive(¦)] struct W;"),
    ] {
        let found = asked(marked).map(|(text, _)| text).unwrap_or_default();
        assert_eq!(found, text, "{marked}");
    }
}

#[test]
fn nothing_is_asked_within_texts() {
    for marked in [
        "// net.¦",
        "/* net.¦",
        "/// ne¦\nfn f() {}",
        "\"net.¦",
        "\"ne¦t\"",
        "\"net\"¦",
        "'a¦'",
        "&'a¦",
        "12¦",
        "1.5¦",
        "format!(\"{net.¦}\")",
        "format!(\"{{ne¦}}\")",
        "f(\"{ne¦}\")",
        "format!(\"{}\", f(\"{ne¦}\"))",
        "format!(\"{0¦}\")",
        "r#\"ne¦\"#",
        "1..5¦",
    ] {
        assert_eq!(asked(marked), None, "{marked}");
    }
    assert!(find(&"(".repeat(5000), 10).is_none());
}

#[test]
fn every_position_is_one() {
    let code = ":dep a\nlet ü = f!(\"{é}\", [1.0, x.0.1], 'a', r#\"b\"#);}\nfn g<'a>(x: &'a str) { /* é */ x.";
    for (end, _) in code.char_indices() {
        for (cursor, _) in code[..end].char_indices() {
            if let Some(query) = find(&code[..end], cursor) {
                assert!(query.text.is_char_boundary(query.at));
                assert!(query.word.start <= cursor && cursor <= query.word.end);
                assert!(code[query.word].starts_with(&query.typed));
            }
        }
    }
}
