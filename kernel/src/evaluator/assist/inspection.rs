//! What a word means, for `inspect_request`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use evcxr::CommandContext;
use ra_ap_syntax::ast::{self, AstNode, SourceFile};
use ra_ap_syntax::{Edition, SyntaxKind, TextSize};

use crate::evaluator::assist::completion::pairs::{Pairs, macro_name};
use crate::protocol::Inspection;
use crate::source::tokens::{
    BODY, EDITION, Token, byte_offset, commands, is_too_deep, tokens, without_commands,
};

/// Keywords that are names of something.
const NAMES: [SyntaxKind; 4] =
    [SyntaxKind::SELF_KW, SyntaxKind::SELF_TYPE_KW, SyntaxKind::CRATE_KW, SyntaxKind::SUPER_KW];

/// Where code begins in HTML.
const CODE: &str = "<pre><code class=\"language-rust\">";

/// The content of an `inspect_reply`; `cursor` counts characters.
pub(crate) fn of(context: &mut CommandContext, code: &str, cursor: usize) -> Inspection {
    let at = byte_offset(code, cursor);
    // What fails in rust-analyzer says nothing; see there.
    let found = catch_unwind(AssertUnwindSafe(|| {
        questions(code, at).into_iter().find_map(|question| ask(context, question))
    }));
    let Some((plain, html)) = found.unwrap_or_default() else { return Inspection::default() };
    let data = [("text/plain", plain), ("text/html", html)];
    let data = data.map(|(kind, text)| (kind.to_owned(), text.into())).into_iter().collect();
    Inspection { found: true, data, ..Inspection::default() }
}

fn ask(context: &mut CommandContext, mut question: String) -> Option<(String, String)> {
    // In a block that is not closed nothing is an item, which evcxr would put somewhere else, nor
    // the last expression, which it would display. It knows one word by itself.
    if question != "let" {
        question.insert_str(0, "{ ");
    }
    let (plain, html) = context.hover_at(&question, question.len()).ok()?;
    (plain != "No documentation found")
        .then(|| (without_crate(&plain, "\n", ""), without_crate(&html, "\n</code></pre>", CODE)))
}

/// The place of a definition is told before it; that of cells is evcxr's crate, which is nobody's.
fn without_crate(text: &str, end: &str, start: &str) -> String {
    if let Some(rest) = text.strip_prefix(&format!("{start}ctx{end}\n")) {
        return rest.to_owned();
    }
    let path = text.strip_prefix(&format!("{start}ctx::"));
    path.map_or_else(|| text.to_owned(), |path| format!("{start}{path}"))
}

/// Texts that end in the word at a position, one of which rust-analyzer may understand: evcxr looks
/// at the last word, and at a method if a bracket follows it.
fn questions(code: &str, at: usize) -> Vec<String> {
    if commands(code).into_iter().any(|line| (line.start..=line.end).contains(&at)) {
        return Vec::new();
    }
    let rust = without_commands(code);
    let all = tokens(&rust);
    let Some(word) = (!is_too_deep(&all)).then(|| word(&all, at)).flatten() else {
        return Vec::new();
    };
    let token = &all[word];
    let name = token.text(&rust);
    if token.kind.is_keyword(EDITION) && !NAMES.contains(&token.kind) {
        return vec![name.to_owned()];
    }
    let next = |from: usize| all[from + 1..].iter().find(|token| !token.is_trivia());
    let calls = next(word).map(|token| token.kind);
    if calls == Some(SyntaxKind::BANG) {
        // A macro is found where it is imported.
        return vec![format!("use std::{name}"), format!("use {name}")];
    }
    let pairs = Pairs::of(&all, token.range.start);
    let mut blank = pairs.stray;
    blank.extend(pairs.around.iter().flat_map(|&open| macro_name(&all, open)));
    let up_to = |end: usize| -> String {
        let tokens = all.iter().enumerate().filter(|(_, token)| token.range.end <= end);
        tokens
            .map(|(i, token)| match blank.contains(&i) {
                true => " ".repeat(token.range.len()),
                false => token.text(&rust).to_owned(),
            })
            .collect()
    };
    let text = up_to(token.range.end);
    match surroundings(&rust, token) {
        Some(Around::Use(start)) => return vec![rust[start..token.range.end].to_owned()],
        // The type of a variable follows from what it is bound to.
        Some(Around::Binding(end)) => return vec![format!("{};\n{name}", up_to(end)), text],
        None => {}
    }
    let before = all[..word].iter().rev().find(|token| !token.is_trivia());
    let method = format!("{text}(");
    match before.map(|token| token.kind) {
        Some(SyntaxKind::DOT) if matches!(calls, Some(SyntaxKind::L_PAREN | SyntaxKind::COLON)) => {
            vec![method, text]
        }
        Some(SyntaxKind::DOT) => vec![text, method],
        _ => vec![text],
    }
}

/// The word at or before a position, or what is called by the bracket around it.
fn word(all: &[Token], at: usize) -> Option<usize> {
    let touches = |token: &Token| token.range.start <= at && at <= token.range.end;
    let within = |token: &Token| token.range.start < at && at < token.range.end;
    let silent = [SyntaxKind::COMMENT, SyntaxKind::STRING, SyntaxKind::CHAR];
    if all.iter().any(|token| within(token) && silent.contains(&token.kind)) {
        return None;
    }
    let found = all.iter().position(|token| touches(token) && token.is_word());
    found.or_else(|| {
        let open = *Pairs::of(all, at).around.last()?;
        let before = |from: usize| (0..from).rev().find(|&i| !all[i].is_trivia());
        let called = before(open)?;
        let called = if all[called].kind == SyntaxKind::BANG { before(called)? } else { called };
        let name = all[called].kind == SyntaxKind::IDENT;
        (name && all[open].kind != SyntaxKind::L_CURLY).then_some(called)
    })
}

enum Around {
    /// A `use` that begins there.
    Use(usize),
    /// A pattern of a `let` that ends there, or of a function whose body begins there.
    Binding(usize),
}

fn surroundings(rust: &str, token: &Token) -> Option<Around> {
    let file = SourceFile::parse(&format!("{BODY}{rust}\n}}"), Edition::Edition2024).tree();
    let offset = TextSize::try_from(token.range.start + BODY.len()).ok()?;
    let found = file.syntax().token_at_offset(offset).right_biased()?;
    let position = |at: TextSize| usize::from(at).saturating_sub(BODY.len()).min(rust.len());
    for node in found.parent_ancestors() {
        if let Some(import) = ast::Use::cast(node.clone()) {
            return Some(Around::Use(position(import.syntax().text_range().start())));
        }
        if ast::Pat::can_cast(node.kind()) {
            let parent = node.parent()?;
            if let Some(statement) = ast::LetStmt::cast(parent.clone()) {
                let end = statement.semicolon_token().map_or_else(
                    || statement.syntax().text_range().end(),
                    |semicolon| semicolon.text_range().start(),
                );
                return Some(Around::Binding(position(end)));
            }
            if ast::Param::can_cast(parent.kind()) {
                let function = parent.ancestors().find_map(ast::Fn::cast)?;
                let body = function.body()?.stmt_list()?.l_curly_token()?;
                return Some(Around::Binding(position(body.text_range().end())));
            }
        } else if ast::Expr::can_cast(node.kind()) || ast::Type::can_cast(node.kind()) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_in_the_word() {
        for (marked, expected) in [
            ("Vec::<u8>::with_cap¦acity(3)", vec!["Vec::<u8>::with_capacity"]),
            ("net.w¦", vec!["net.w", "net.w("]),
            ("net.for¦ward(1)", vec!["net.forward(", "net.forward"]),
            ("net.forward(¦", vec!["net.forward(", "net.forward"]),
            ("prin¦tln!(\"{}\", 1)", vec!["use std::println", "use println"]),
            ("println!(\"{}\", ¦)", vec!["use std::println", "use println"]),
            ("println!(\"{}\", ne¦t)", vec!["        (\"{}\", net"]),
            ("use std::{io, collections::Ha¦shMap};", vec!["use std::{io, collections::HashMap"]),
            ("let y¦ = f(1); 2", vec!["let y = f(1);\ny", "let y"]),
            ("fn f(n¦: &Net) -> u8 { 1 }", vec!["fn f(n: &Net) -> u8 {;\nn", "fn f(n"]),
            ("le¦t x = 1;", vec!["let"]),
            (":dep x\nne¦t", vec!["      \nnet"]),
            ("// ne¦t", vec![]),
            ("\"ne¦t\"", vec![]),
            (":de¦p x", vec![]),
            ("¦", vec![]),
            ("1 + ¦", vec![]),
        ] {
            let at = marked.find('¦').expect("a bar");
            assert_eq!(questions(&marked.replacen('¦', "", 1), at), expected, "{marked}");
        }
    }
}
