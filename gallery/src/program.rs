//! A plain Rust program made from a lesson's cells.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use syn::spanned::Spanned;
use syn::{Block, Item, Stmt};

use crate::statements::{item_names, shown};
use xtask::lessons::lesson::{self, Lesson};

/// What cells of notebooks show below themselves a program saves to a file, or prints.
const SHOW: &str = include_str!("show.rs");

/// A program and the dependencies that its lesson names.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its package's name, which may not begin with a digit.
    pub package: String,
    /// Its file's name.
    pub file: String,
    pub source: String,
    /// Lines of a manifest, as the cells have them.
    dependencies: Vec<String>,
}

impl Program {
    /// The manifest for a folder of its own; `place` writes a path of the lesson's as it is to be seen from
    /// there.
    pub(crate) fn manifest(&self, place: impl Fn(&str) -> String) -> String {
        let Self { package, file, .. } = self;
        let mut text = format!(
            "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
             [[bin]]\nname = \"{package}\"\npath = \"{file}\"\n\n\
             # A project of its own, wherever it lies.\n[workspace]\n\n[dependencies]\n"
        );
        for line in &self.dependencies {
            text += &with_path(line, &place);
            text.push('\n');
        }
        text
    }

    /// The manifest for a folder in `programs/` of a checkout.
    pub(crate) fn manifest_in_checkout(&self) -> String {
        self.manifest(|path| {
            let below = normal(&Path::new("notebooks").join(path));
            Path::new("../..").join(below).display().to_string().trim_end_matches('/').to_owned()
        })
    }
}

/// Replaces the path in a dependency's line.
fn with_path(line: &str, place: &impl Fn(&str) -> String) -> String {
    let around = || {
        let (before, rest) = line.split_once("path")?;
        let (between, rest) = rest.split_once('"')?;
        let (path, after) = rest.split_once('"')?;
        (between.trim() == "=").then(|| format!("{before}path{between}\"{}\"{after}", place(path)))
    };
    around().unwrap_or_else(|| line.to_owned())
}

/// Resolves `..`.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => (),
            other => parts.push(other),
        }
    }
    parts
}

/// Makes the program of a lesson: items first, statements in `main`, headings as comments.
///
/// # Errors
/// A cell that is no Rust, or a lesson that defines nothing and does nothing.
pub(crate) fn convert(lesson: &Lesson) -> Result<Program> {
    let mut parts = Parts::default();
    let cells = lesson.notebook["cells"].as_array().context("a notebook without cells")?;
    for cell in cells {
        let (id, text) = (lesson::id(cell), lesson::source(cell));
        match cell["cell_type"].as_str() {
            Some("markdown") => parts.headings(&text),
            // Jupyter's tag for a mistake that is meant.
            Some("code") if lesson::has_tag(cell, "raises-exception") => {
                parts.body +=
                    &format!("\n// The cell {id}, which fails on purpose, is left out.\n");
            }
            Some("code") => {
                let added = parts.cell(id, &text);
                added.map_err(|error| anyhow!("{}, cell {id}: {error}", lesson.name))?;
            }
            _ => (),
        }
    }
    ensure!(!parts.body.trim().is_empty(), "{}: there is no statement in it", lesson.name);
    let package =
        format!("lesson_{}", lesson.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let file = format!("{}.rs", lesson.name);
    let mut program =
        Program { package, file, source: String::new(), dependencies: parts.dependencies };
    let manifest = program.manifest_in_checkout();
    let manifest =
        manifest.lines().map(|line| format!("//!     {line}").trim_end().to_owned() + "\n");
    program.source = format!(
        "//! {title}\n//!\n\
         //! The cells of `notebooks/{name}.ipynb` as a program, made by `cargo xtask gallery`. Put it into the\n\
         //! folder `programs/{name}` of a checkout of twoviews on which `cargo xtask setup` has run, with this\n\
         //! `Cargo.toml` beside it, and start it there with `cargo run --release`:\n//!\n{manifest}\
         //!\n//! `TWOVIEWS_QUICK=1` makes it short. Figures go to the folder in which it is started.\n\n\
         // Exercises as they are handed out do not use what they are given.\n#![allow(unused_variables)]\n\n\
         {uses}\n{SHOW}\n{items}\n\
         fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {{\n{body}\n{closing}Ok(())\n}}\n",
        title = lesson.title(),
        name = lesson.name,
        manifest = manifest.collect::<String>(),
        uses = parts.uses,
        items = parts.items,
        body = parts.body,
        closing = "}\n".repeat(parts.depth),
    );
    Ok(program)
}

/// The program while it is made.
#[derive(Default)]
struct Parts {
    dependencies: Vec<String>,
    uses: String,
    items: String,
    body: String,
    /// Names that items have taken, with what they name: a type and a function may share one.
    taken: HashSet<String>,
    /// Blocks in `main` that are open. A cell that defines a name again begins one.
    depth: usize,
}

impl Parts {
    fn headings(&mut self, text: &str) {
        for line in text.lines().filter(|line| line.starts_with("## ")) {
            self.body += &format!("\n// {}\n", line.trim_start_matches('#').trim());
        }
    }

    fn cell(&mut self, id: &str, text: &str) -> syn::Result<()> {
        let (text, statements) = self.parse(text)?;
        let names: Vec<String> = statements.iter().flat_map(item_names).collect();
        if names.iter().any(|name| self.taken.contains(name)) {
            self.body += "{\n";
            self.depth += 1;
            self.taken.clear();
        }
        self.taken.extend(names);
        let mut end = 0;
        for (i, statement) in statements.iter().enumerate() {
            let range = statement.span().byte_range();
            let is_last = i + 1 == statements.len();
            // Comments belong to what follows.
            let before = text[end..range.start].trim();
            let code = shown(&text, statement, is_last, id);
            end = range.end;
            let target = match statement {
                _ if self.depth > 0 => &mut self.body,
                Stmt::Item(Item::Use(_)) => &mut self.uses,
                Stmt::Item(_) => &mut self.items,
                _ => &mut self.body,
            };
            if !before.is_empty() {
                target.push_str(before);
                target.push('\n');
            }
            target.push_str(&code);
            target.push('\n');
            if matches!(statement, Stmt::Item(item) if !matches!(item, Item::Use(_))) {
                target.push('\n');
            }
        }
        let rest = text[end..].trim();
        if !rest.is_empty() {
            self.body += rest;
            self.body.push('\n');
        }
        Ok(())
    }

    /// Reads a cell without the kernel's commands, and notes crates. A command is a line that begins with
    /// a colon where no Rust can: in a string it is none.
    fn parse(&mut self, text: &str) -> syn::Result<(String, Vec<Stmt>)> {
        let mut lines: Vec<&str> = text.lines().collect();
        loop {
            let text = lines.join("\n");
            let error = match syn::parse::Parser::parse_str(Block::parse_within, &text) {
                Ok(statements) => return Ok((text, statements)),
                Err(error) => error,
            };
            let line =
                lines.get_mut(error.span().start().line - 1).filter(|line| line.starts_with(':'));
            let Some(line) = line else { return Err(error) };
            if let Some(crates) = line.strip_prefix(":dep ") {
                let dependency = crates.trim().trim_start_matches("--rebuild ").to_owned();
                if !self.dependencies.contains(&dependency) {
                    self.dependencies.push(dependency);
                }
            }
            *line = "";
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn made(cells: &[(&str, &str)]) -> Result<Program> {
        let cells: Vec<Value> = cells
            .iter()
            .enumerate()
            .map(|(i, (kind, source))| json!({"cell_type": kind, "id": format!("c{i}"), "source": source}))
            .collect();
        let notebook = json!({"metadata": {}, "cells": cells});
        convert(&Lesson { name: "07-x".into(), path: "07-x.ipynb".into(), notebook })
    }

    fn main_of(program: &Program) -> &str {
        program.source.split_once("fn main()").unwrap().1
    }

    #[test]
    fn items_go_before_main_and_statements_into_it() {
        let program = made(&[
            ("markdown", "# Title\n\n## 1. Part"),
            ("code", ":dep twoviews = { path = \"..\" }\nuse twoviews::prelude::*;\n// Two.\nfn two() -> i32 { 2 }"),
            ("code", "// Why.\nlet x = two(); // at the end\nlet y = \"a\n:dep no\";\nprintln!(\"{x}\")"),
        ])
        .unwrap();
        syn::parse_file(&program.source).unwrap();
        let (before, main) = program.source.split_once("fn main()").unwrap();
        assert!(before.starts_with("//! Title\n"), "{before}");
        assert!(before.contains("// Two.\nfn two() -> i32 { 2 }"));
        assert!(before.contains("use twoviews::prelude::*;") && !before.contains("\n:dep"));
        assert!(main.contains("// 1. Part") && main.contains("// Why.\nlet x = two();"), "{main}");
        assert!(main.contains("println!(\"{x}\");"), "{main}");
    }

    #[test]
    fn what_ends_a_cell_is_shown() {
        let shows =
            |code: &str| main_of(&made(&[("code", code)]).unwrap()).matches("show!").count();
        assert_eq!(shows("let x = 1;\nx + 1"), 1);
        assert_eq!(shows("let x = 1;\nx + 1;"), 0);
        assert_eq!(shows("for i in 0..2 { dbg!(i); }"), 0);
        assert_eq!(shows("let x = 1;\nif x == 1 { println!(\"{x}\"); }"), 0);
        assert_eq!(shows("let x = 1;\nif x == 1 { 2 } else { 3 }"), 1);
        assert_eq!(shows("let x = 1;\nmatch x { 1 => 2, _ => 3 }"), 1);
        assert_eq!(shows("work(1)?"), 1);
        assert_eq!(
            shows("for f in all { f.evcxr_display(); }\nmore(|f| f.x().evcxr_display());"),
            2
        );
        let nested = made(&[("code", "f.x(1).evcxr_display();")]).unwrap();
        assert!(main_of(&nested).contains("show!(f.x(1), \"c0\");"));
        let capitals = made(&[("code", "GRID.of(&ID).evcxr_display();")]).unwrap();
        assert!(main_of(&capitals).contains("show!(GRID.of(&ID), \"c0\");"));
    }

    #[test]
    fn a_name_that_is_defined_again_shadows_the_first() {
        let program = made(&[
            ("code", "use a::b;\nfn f() -> i32 { 1 }\nlet x = f();"),
            ("code", "use a::b;\nfn f() -> i32 { 2 }\nlet y = f();"),
            ("code", "fn g() -> i32 { f() }\nlet z = x + y + g();"),
        ])
        .unwrap();
        syn::parse_file(&program.source).unwrap();
        let main = main_of(&program);
        assert!(
            !main.contains("{ 1 }") && main.contains("{ 2 }") && main.contains("fn g()"),
            "{main}"
        );
        assert!(main.trim_end().ends_with("}\nOk(())\n}"), "{main}");
    }

    #[test]
    fn manifests_name_the_crates_from_where_they_lie() {
        let program = made(&[(
            "code",
            ":dep twoviews = { path = \"..\" }\n:dep other = { version = \"1\", path = \"../a/b\" }\n\
             :dep --rebuild zip = \"2\"\n:dep zip = \"2\"\n:timing\nlet x = 1;",
        )])
        .unwrap();
        assert_eq!(program.package, "lesson_07_x");
        let manifest = program.manifest_in_checkout();
        let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
        assert_eq!(
            dependencies,
            "twoviews = { path = \"../..\" }\nother = { version = \"1\", path = \"../../a/b\" }\nzip = \"2\"\n"
        );
        assert!(program.manifest(|_| "/root".into()).contains("path = \"/root\""));
        assert!(program.source.contains("//!     twoviews = { path = \"../..\" }\n"));
    }

    #[test]
    fn cells_that_fail_on_purpose_are_left_out() {
        let cell = |id: &str, source: &str, tags: Value| json!({"cell_type": "code", "id": id, "source": source, "metadata": {"tags": tags}});
        let notebook = json!({"metadata": {}, "cells": [
            cell("a", "let x = 1;", json!([])),
            cell("b", "let y: u8 = \"300\";", json!(["raises-exception"])),
            cell("c", "println!(\"{x}\");", json!(["summary"])),
        ]});
        let lesson = Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook };
        let program = convert(&lesson).unwrap();
        let main = main_of(&program);
        assert!(!main.contains("300") && main.contains("// The cell b,") && main.contains("{x}"));
    }

    #[test]
    fn cells_that_are_no_rust_are_named() {
        let message =
            made(&[("code", "let x = 1;"), ("code", "let = 2;")]).unwrap_err().to_string();
        assert!(message.starts_with("07-x, cell c1: "), "{message}");
        assert!(made(&[("markdown", "# Only text")]).is_err());
    }

    #[test]
    fn the_stored_lessons_become_programs() {
        for lesson in lesson::all(&xtask::paths::root().join("notebooks")).unwrap() {
            let program = convert(&lesson).unwrap();
            let file = syn::parse_file(&program.source).unwrap();
            assert!(
                file.items
                    .iter()
                    .any(|item| matches!(item, Item::Fn(it) if it.sig.ident == "main"))
            );
            assert!(!program.source.replace(SHOW, "").contains("evcxr_display"), "{}", lesson.name);
        }
    }
}
