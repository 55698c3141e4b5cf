//! The documents agree with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where variables are read or set.
const CODE: [&str; 14] = [
    ".github",
    "benches",
    "build.rs",
    "crates",
    "deploy",
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
