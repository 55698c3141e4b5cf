//! What ARCHITECTURE.md says is so: its layers are kept, and what its paths name exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate's sources, the table of ARCHITECTURE.md with its layers, and what stands above those or has no
/// table: lowest first, a folder or file at the crate's root may use only what stands before it.
const LAYERS: [(&str, Option<&str>, &[&str]); 5] = [
    ("src", Some("## The library's layers"), &["compat.rs", "prelude.rs"]),
    ("kernel/src", Some("## The kernel's layers"), &[]),
    (
        "xtask/src",
        None,
        &[
            "say.rs",
            "paths.rs",
            "folders.rs",
            "tools.rs",
            "notebook.rs",
            "setup",
            "wheel.rs",
            "stock.rs",
            "lessons",
            "course",
            "test",
            "bench",
        ],
    ),
    (
        "gallery/src",
        None,
        &[
            "digest.rs",
            "fake_hub.rs",
            "execution.rs",
            "statements.rs",
            "show.rs",
            "program.rs",
            "prose.rs",
            "figures.rs",
            "page.rs",
            "experiments.rs",
            "texts.rs",
            "site.rs",
            "checks.rs",
        ],
    ),
    ("web/src", None, &["pictures.rs", "batch.rs", "circle.rs", "exports.rs"]),
];

/// cargo starts tests in the folder of their package.
fn root() -> &'static Path {
    Path::new("..")
}

fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
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

/// The folder or file at the crate's root in which a file stands.
fn layer(source: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(source).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    without_ending(first)
}

fn without_ending(name: &str) -> String {
    name.trim_end_matches('/').trim_end_matches(".rs").to_owned()
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
    let (text, mut wrong) = (architecture(), Vec::new());
    for (source, heading, others) in LAYERS {
        let source = root().join(source);
        let rows = heading.map(|heading| rows(&text, heading, 1)).unwrap_or_default();
        let mut layers: Vec<String> = rows.concat();
        layers.extend(others.iter().map(|&name| name.to_owned()));
        for name in &layers {
            assert!(source.join(name).exists(), "the layer {name} is not in {source:?}");
        }
        let layers: Vec<String> = layers.iter().map(|name| without_ending(name)).collect();
        let level = |name: &str| layers.iter().position(|it| it == name);
        for file in sources(&source) {
            let own = layer(&source, &file);
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
        let columns: Vec<&str> = line.split('|').skip(1).take(columns).collect();
        columns.concat().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    });
    rows.filter(|row: &Vec<String>| !row.is_empty()).collect()
}

/// What a reader takes as one: all files of a crate of its own, and all of the convolutions.
fn one(file: &str) -> String {
    match file.strip_prefix("crates/") {
        _ if file == "src/encode/fused_conv.rs" || file.starts_with("src/convolution/") => {
            "crates/conv3x3".to_owned()
        }
        Some(rest) => format!("crates/{}", rest.split('/').next().unwrap()),
        None => file.to_owned(),
    }
}

fn folder(file: &str) -> String {
    Path::new(&one(file)).parent().unwrap().display().to_string()
}

/// Whether code defines an item of that name.
fn defines(code: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "const", "type"].iter().any(|keyword| {
        let definition = format!("{keyword} {name}");
        code.match_indices(&definition).any(|(at, _)| {
            !code[at + definition.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    })
}

/// The files of the path under a heading of ARCHITECTURE.md; all that it names exists.
fn path(heading: &str) -> Vec<String> {
    let rows = rows(&architecture(), heading, 2);
    assert!(!rows.is_empty(), "{heading}");
    for row in &rows {
        let (file, items) = row.split_first().unwrap();
        let code = fs::read_to_string(root().join(file));
        let code = code.unwrap_or_else(|error| panic!("{file}: {error}"));
        for item in items {
            let name = item.rsplit("::").next().unwrap();
            assert!(defines(&code, name), "{file} has no `{item}`");
        }
    }
    rows.into_iter().map(|mut row| row.swap_remove(0)).collect()
}

#[test]
fn what_the_path_of_a_cell_names_exists() {
    path("## The path of a cell");
}

#[test]
fn the_path_of_an_image_is_short_and_straight() {
    for (heading, most) in [("### With pretrained weights", 12), ("### With training", 20)] {
        let files = path(heading);
        let distinct: BTreeSet<String> = files.iter().map(|file| one(file)).collect();
        assert!(distinct.len() <= most, "{heading}: {} files", distinct.len());
        // No folder is left and entered again but loaders and transforms.
        let mut folders: Vec<String> = files.iter().map(|file| folder(file)).collect();
        folders.dedup();
        folders.retain(|name| !name.ends_with("loaders") && !name.ends_with("transforms"));
        let mut entered = BTreeSet::new();
        for folder in folders {
            assert!(entered.insert(folder.clone()), "{heading}: back to {folder}");
        }
    }
}
