//! The documents agree with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use xtask::lessons::lesson;

/// Where variables are read or set.
const CODE: [&str; 13] = [
    ".github",
    "benches",
    "build.rs",
    "crates",
    "examples",
    "gallery",
    "kernel",
    "notebooks",
    "site",
    "src",
    "tests",
    "web",
    "xtask",
];
const BEGINNING: &str = "TWOVIEWS_";

fn root() -> PathBuf {
    // cargo starts tests in the folder of their package.
    Path::new("..").canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The variables that a text names, longer names with the same letters inside them apart.
fn variables(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_end_matches('_'));
    words.filter(|word| word.starts_with(BEGINNING)).map(str::to_owned).collect()
}

/// The variables in a file, or in all files of a folder.
fn collect(path: &Path, found: &mut BTreeSet<String>) {
    if !path.is_dir() {
        // What is no text names no variable.
        found.extend(variables(&fs::read_to_string(path).unwrap_or_default()));
        return;
    }
    for entry in fs::read_dir(path).unwrap().flatten() {
        if !["target", "node_modules", "__pycache__"].iter().any(|name| entry.file_name() == *name)
        {
            collect(&entry.path(), found);
        }
    }
}

#[test]
fn every_variable_is_documented_and_every_documented_one_is_there() {
    let mut used = BTreeSet::new();
    for name in CODE {
        collect(&root().join(name), &mut used);
    }
    assert!(used.len() > 20, "{used:?}");
    let (settings, internals) =
        (variables(&read("README.md")), variables(&read("CONTRIBUTING.md")));
    let documented: BTreeSet<_> = settings.union(&internals).cloned().collect();
    let missing: Vec<_> = used.difference(&documented).collect();
    assert!(missing.is_empty(), "neither in README.md nor in CONTRIBUTING.md: {missing:?}");
    let gone: Vec<_> = documented.difference(&used).collect();
    assert!(gone.is_empty(), "documented, but nowhere in the code: {gone:?}");
}

#[test]
fn the_readme_shows_the_shortest_example_as_it_is() {
    let example = read("examples/minimal.rs");
    assert!(example.lines().count() <= 60);
    assert!(
        read("README.md").contains(&format!("```rust\n{example}```\n")),
        "the README shows another program than examples/minimal.rs: copy it there"
    );
}

/// Lesson 01 shows the one line in which the two losses differ.
#[test]
fn the_lines_that_lesson_01_quotes_stand_in_the_losses() {
    let lesson = root().join("notebooks/01_decoupled_contrastive_learning.ipynb");
    let notebook = lesson::read(&lesson).unwrap();
    let cell = lesson::cells(&notebook).iter().find(|cell| lesson::id(cell) == "dcl-line").unwrap();
    let text = lesson::source(cell);
    for (loss, file) in [("InfoNCE", "info_nce.rs"), ("DCL", "dcl.rs")] {
        let row = text.lines().find(|line| line.starts_with(&format!("| {loss} |"))).unwrap();
        let quoted = row.split('`').nth(1).unwrap();
        let source = read(&format!("src/losses/{file}"));
        let body = source.split("fn ").find(|body| body.starts_with("per_anchor")).unwrap();
        assert!(
            body.lines().any(|line| line.trim() == quoted),
            "lesson 01, cell dcl-line, quotes a line that src/losses/{file} has no more: {quoted}"
        );
    }
}

/// The cells between `|` of a table's rows.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn teachers_are_told_each_exercise_and_its_points() {
    let mut expected = Vec::new();
    for lesson in xtask::course::sources(&root().join("notebooks")).unwrap() {
        let cells = lesson::cells(&lesson.notebook).iter();
        let points = cells.filter_map(|cell| cell["metadata"]["nbgrader"]["points"].as_f64());
        for (points, exercise) in points.zip(1..) {
            expected.push((format!("{}, {exercise}", lesson.number()), points));
        }
    }
    let text = read("docs/for_teachers.md");
    let (_, table) = text.split_once("| lesson, exercise |").unwrap();
    let table = table.split("\n\n").next().unwrap();
    let told: Vec<_> = rows(table)
        .iter()
        .filter_map(|row| Some((row[0].to_owned(), row.get(1)?.parse::<f64>().ok()?)))
        .collect();
    assert_eq!(told, expected, "docs/for_teachers.md, \"Exercises and grades\"");
}

/// `00, sections 4 to 6; 02, section 3` are places that lessons have.
#[test]
fn sections_that_teachers_are_sent_to_are_there() {
    let text = read("docs/for_teachers.md");
    let lessons = lesson::all(&root().join("notebooks")).unwrap();
    let mut found = 0;
    for (before, after) in text.match_indices(", section").map(|(i, _)| text.split_at(i)) {
        let number = &before[before.len() - 2..];
        let lesson = lessons.iter().find(|it| it.number() == number);
        let lesson = lesson.unwrap_or_else(|| panic!("no lesson {number} before {:.20}", after));
        let text: Vec<String> =
            lesson::cells(&lesson.notebook).iter().map(lesson::source).collect();
        let text = format!("\n{}", text.join("\n"));
        let words = after.trim_start_matches(", sections").trim_start_matches(", section");
        let words = words.split([';', '|', ':', ',', '\n']).next().unwrap();
        let sections: Vec<u32> =
            words.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        assert!(!sections.is_empty(), "{number}{words}");
        for section in sections {
            let heading = format!("\n## {section}. ");
            assert!(text.contains(&heading), "lesson {number} has no section {section}");
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}

/// The Markdown files of a folder.
fn documents(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| name.ends_with(".md"));
    names.map(|name| Path::new(folder).join(name).display().to_string()).collect()
}

#[test]
fn what_the_documents_link_to_is_there() {
    // Not those of the site, which link to pages that are made.
    for document in ["", "docs", "benches"].iter().flat_map(|folder| documents(folder)) {
        let text = read(&document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") {
                let folder = root().join(&document).parent().unwrap().to_owned();
                assert!(folder.join(path).exists(), "{document} links to {target}");
            }
        }
    }
}
