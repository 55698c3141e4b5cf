//! What ARCHITECTURE.md says is so: its layers are kept, and what its paths name exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files at the root of `xtask/src`, lowest first; ARCHITECTURE.md has no table of them.
const XTASK: [&str; 11] = [
    "say", "paths", "folders", "tools", "notebook", "fake_hub", "setup", "lessons", "gallery",
    "test", "bench",
];

/// Each crate's folders and files at its root, lowest first: one may use only what stands before it.
fn layers() -> [(&'static str, Vec<String>); 3] {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = |heading: &str| -> Vec<String> {
        let names = rows(&text, heading, 1).into_iter().flatten();
        names.map(|name| name.trim_end_matches(".rs").trim_end_matches('/').to_owned()).collect()
    };
    let mut library = table("## The library's layers");
    // They may use anything.
    library.extend(["compat", "prelude"].map(str::to_owned));
    [
        ("src", library),
        ("kernel/src", table("## The kernel's layers")),
        ("xtask/src", XTASK.map(str::to_owned).to_vec()),
    ]
}

fn root() -> PathBuf {
    // cargo starts tests in the folder of their package.
    Path::new("..").canonicalize().unwrap()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found
}

/// Code without comments.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The first names behind `crate::`, also in `crate::{a::b, c}`.
fn used(code: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = code[at + "crate::".len()..].trim_start();
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(name(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.insert(name(list[start..i].trim_start()));
                    start = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

/// The folder or file at the crate's root to which a file belongs.
fn top_module(source: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(source).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}

#[test]
fn names_are_found_in_lists() {
    let names = used(
        "use crate::{a::{b, c}, d,\n e::F as G};\nlet x = crate::h::i(); mycrate::j; $crate::k;",
    );
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "d", "e", "h"]);
}

#[test]
fn each_folder_uses_only_what_stands_below_it() {
    let mut wrong = Vec::new();
    for (source, layers) in layers() {
        let source = root().join(source);
        let level = |name: &str| layers.iter().position(|it| *it == name);
        for file in sources(&source) {
            let own = top_module(&source, &file);
            let shown = file.strip_prefix(root()).unwrap().display().to_string();
            if own == "lib" || own == "main" || own == "bin" {
                continue;
            }
            let Some(here) = level(&own) else {
                wrong.push(format!("{shown}: {own} has no place in the table of layers"));
                continue;
            };
            for name in used(&code(&fs::read_to_string(&file).unwrap())) {
                if level(&name).is_some_and(|there| there > here) {
                    wrong.push(format!("{shown} uses {name}, which stands above {own}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows of a table under a heading of ARCHITECTURE.md: what stands in backquotes in the first columns.
fn rows(text: &str, heading: &str, columns: usize) -> Vec<Vec<String>> {
    let start = text.find(heading).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = &text[start + heading.len()..];
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let rows = rows.map(|line| {
        let cells: Vec<&str> = line.split('|').skip(1).take(columns).collect();
        cells.concat().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    });
    rows.filter(|row: &Vec<String>| !row.is_empty()).collect()
}

/// A file's folder and, of the files of a crate of its own, the crate: a reader takes them as one.
fn one(file: &str) -> String {
    match file.strip_prefix("crates/") {
        Some(rest) => format!("crates/{}", rest.split('/').next().unwrap()),
        None => file.to_owned(),
    }
}

fn folder(file: &str) -> String {
    Path::new(&one(file)).parent().unwrap().display().to_string()
}

#[test]
fn the_path_of_an_image_is_short_and_straight() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (heading, most) in [
        ("### With pretrained weights", 12),
        ("### With training", 20),
        ("## The path of a cell", 99),
    ] {
        let rows = rows(&text, heading, 2);
        assert!(!rows.is_empty(), "{heading}");
        let mut files = Vec::new();
        for row in &rows {
            let (file, items) = row.split_first().unwrap();
            let code = fs::read_to_string(root().join(file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            for item in items {
                let name = item.rsplit("::").next().unwrap().trim_end_matches("()");
                let defined = [
                    "fn ",
                    "struct ",
                    "enum ",
                    "trait ",
                    "const ",
                    "type ",
                    "mod ",
                    "macro_rules! ",
                ];
                let is_there = defined.iter().any(|word| {
                    let what = format!("{word}{name}");
                    code.match_indices(&what).any(|(at, _)| {
                        !code[at + what.len()..]
                            .starts_with(|c: char| c.is_alphanumeric() || c == '_')
                    })
                });
                assert!(is_there, "{file} has no `{item}`");
            }
            files.push(file.clone());
        }
        let distinct: BTreeSet<String> = files.iter().map(|file| one(file)).collect();
        assert!(distinct.len() <= most, "{heading}: {} files", distinct.len());
        if most == 99 {
            continue;
        }
        // No folder is left and entered again but loaders and transforms.
        let mut left: BTreeMap<String, bool> = BTreeMap::new();
        let mut now = String::new();
        for file in &files {
            let folder = folder(file);
            if folder != now {
                if let Some(was) = left.get_mut(&now) {
                    *was = true;
                }
                let between = folder.ends_with("loaders") || folder.ends_with("transforms");
                assert!(
                    between || !left.get(&folder).copied().unwrap_or(false),
                    "{heading}: back to {folder}"
                );
                left.insert(folder.clone(), false);
                now = folder;
            }
        }
    }
}
