//! `:dep`: what it adds, and whether the user has to agree first.
//!
//! A crate that changes the features or the version of one that is loaded makes cargo compile that one
//! again, with all that is built on it, and variables of its types are lost. Such a line does nothing
//! until it is written with `--rebuild`.

use std::path::{Path, PathBuf};

use twoviews_constants::variable::PREWARM;

use crate::build::cargo::plan::{Cause, Plan, Recompiled, plan};
use crate::build::cargo::versions::Versions;
use crate::evaluator::errors::Failure;

const COMMAND: &str = ":dep";
const REBUILD: &str = "--rebuild";
/// What evcxr takes for a dependency of which no version is named.
const ANY: &str = "\"*\"";
/// What cargo knows of a dependency; it says nothing about other words.
const KEYS: [&str; 11] = [
    "version",
    "features",
    "default-features",
    "path",
    "git",
    "branch",
    "tag",
    "rev",
    "package",
    "registry",
    "optional",
];
/// Causes that are named.
const MOST: usize = 3;

/// A line of a cell that adds a crate.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    name: String,
    /// What stands behind the `=`, in TOML.
    specification: String,
    may_rebuild: bool,
    /// Whether its path led nowhere, and this project's crate stands in.
    is_moved: bool,
}

/// The cell as evcxr shall see it, or why its crates are not added. `folder` is the build directory.
pub(crate) fn prepared(folder: &Path, cell: &str) -> Result<String, Failure> {
    // Most cells add nothing: manifest and lock files are not read for them.
    if commands(cell).all(|(command, _)| command != COMMAND) {
        return Ok(cell.to_owned());
    }
    let versions = Versions::of(folder);
    let manifest = versions.as_ref().and_then(Versions::manifest);
    let loaded: toml::Table =
        manifest.as_ref().and_then(|text| text.parse().ok()).unwrap_or_default();
    // The version that is loaded, or the newest one that is known here.
    let known = |name: &str| {
        let loaded = loaded.get("dependencies").and_then(|all| all.get(name));
        let newest = || Some(quoted(&versions.as_ref()?.newest(name)?));
        loaded.map(toml::Value::to_string).or_else(newest)
    };
    let (mut text, mut lines, mut offline) = (String::new(), Vec::new(), None);
    let mut end = 0;
    for (command, rest) in commands(cell) {
        if command == ":offline" {
            offline = Some(rest.trim() == "1");
        }
        if command != COMMAND {
            continue;
        }
        let Some(mut line) = Line::read(rest).map_err(|error| failure(&error))? else { continue };
        let known = (line.specification == ANY).then(|| known(&line.name)).flatten();
        if line.may_rebuild || line.is_moved || known.is_some() {
            let at = rest.as_ptr() as usize - cell.as_ptr() as usize;
            line.specification = known.unwrap_or(line.specification);
            text += &format!("{} {} = {}", &cell[end..at], line.name, line.specification);
            end = at + rest.len();
        }
        lines.push(line);
    }
    text += &cell[end..];
    let new: Vec<(String, String)> =
        lines.iter().map(|line| (line.name.clone(), line.specification.clone())).collect();
    let has_crates =
        loaded.get("dependencies").and_then(|it| it.as_table()).is_some_and(|it| !it.is_empty());
    let Some(manifest) = manifest.filter(|_| has_crates && !new.is_empty()) else {
        return Ok(text);
    };
    let plan =
        plan(folder, &manifest, &new, offline).map_err(|error| failure(&format!("{error:#}")))?;
    if plan.recompiled.is_empty() || lines.iter().all(|line| line.may_rebuild) {
        return Ok(text);
    }
    Err(failure(&refusal(&plan, &lines)))
}

fn failure(text: &str) -> Failure {
    Failure::new("DependencyError", text, &[])
}

/// The commands at the beginning of a cell, each with what follows it, as evcxr finds them.
fn commands(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_passed_over = |line: &str| line.starts_with("//") || line.trim().is_empty();
    let lines = cell.lines().filter(move |line| !is_passed_over(line));
    let lines = lines.take_while(|line| line.trim_start_matches(' ').starts_with(':'));
    lines.map(|line| {
        let line = line.trim_start_matches(' ');
        line.split_at(line.find(' ').unwrap_or(line.len()))
    })
}

impl Line {
    /// Reads what follows `:dep`; `None` for what evcxr refuses itself.
    fn read(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        let (may_rebuild, text) = match text.strip_prefix(REBUILD) {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let (name, specification) = match text.split_once('=') {
            Some((name, specification)) => (name.trim_end(), specification.trim()),
            None => (text, ANY),
        };
        if name.is_empty() || name.contains(' ') || specification.is_empty() {
            return Ok(None);
        }
        if name.starts_with(['.', '/']) {
            let (name, path) = local(Path::new(name))?;
            let specification = format!("{{ path = {} }}", quoted(&path.to_string_lossy()));
            return Ok(Some(Self { name, specification, may_rebuild, is_moved: false }));
        }
        let (specification, is_moved) = checked(name, specification)?;
        Ok(Some(Self { name: name.to_owned(), specification, may_rebuild, is_moved }))
    }
}

/// The package in a folder, and the folder from the root.
fn local(folder: &Path) -> Result<(String, PathBuf), String> {
    let path = absolute(folder)?;
    let file = path.join("Cargo.toml");
    let manifest = std::fs::read_to_string(&file)
        .map_err(|error| format!("there is no crate in {}: {error}", path.display()))?;
    let manifest: toml::Table =
        manifest.parse().map_err(|error| format!("{}: {error}", file.display()))?;
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
    match name {
        Some(name) => Ok((name.to_owned(), path)),
        None => Err(format!("{} is not the manifest of a package", file.display())),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| format!("there is no crate in {}: {error}", path.display()))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The specification with its path from the root, and whether that is another path than was written; cargo's own
/// errors do not name what is wrong here.
fn checked(name: &str, specification: &str) -> Result<(String, bool), String> {
    let line = format!("it = {specification}").parse::<toml::Table>();
    let line = line.map_err(|error| {
        format!("`{name} = {specification}` is not a dependency: {}", error.message())
    })?;
    let Some(toml::Value::Table(table)) = line.get("it") else {
        return Ok((specification.to_owned(), false));
    };
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("`{name}`: a dependency has no `{key}`, but {}", KEYS.join(", ")));
    }
    let Some(path) = table.get("path").and_then(|path| path.as_str()) else {
        return Ok((specification.to_owned(), false));
    };
    let mut table = table.clone();
    let project = project(name, std::env::var(PREWARM).ok().as_deref());
    // A lesson may be copied elsewhere.
    let project = project.filter(|_| !Path::new(path).join("Cargo.toml").is_file());
    let is_moved = project.is_some();
    let path = match project {
        Some(project) => project,
        None => absolute(Path::new(path))?,
    };
    table.insert("path".to_owned(), path.to_string_lossy().into_owned().into());
    Ok((toml::Value::Table(table).to_string(), is_moved))
}

/// The folder of the crate that set-up loads beforehand, if that is `name`.
fn project(name: &str, prewarm: Option<&str>) -> Option<PathBuf> {
    let line: toml::Table = prewarm?.parse().ok()?;
    Some(PathBuf::from(line.get(name)?.get("path")?.as_str()?))
}

/// Why nothing is added yet, and what to write instead.
fn refusal(plan: &Plan, lines: &[Line]) -> String {
    let listed = |names: Vec<&str>| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let loaded: Vec<&str> =
        plan.recompiled.iter().filter(|it| it.is_direct).map(|it| it.name.as_str()).collect();
    let below = plan.recompiled.len() - loaded.len();
    let again = match (loaded.is_empty(), below) {
        (true, _) => listed(plan.recompiled.iter().map(|it| it.name.as_str()).collect()),
        (false, 0) => listed(loaded),
        (false, 1) => format!("{} and a crate below", listed(loaded)),
        (false, n) => format!("{} and {n} crates below", listed(loaded)),
    };
    let mut causes: Vec<String> = plan.recompiled.iter().filter_map(cause).take(MOST + 1).collect();
    if causes.len() > MOST {
        causes[MOST] = "…".to_owned();
    }
    let words = lines
        .iter()
        .map(|line| format!("`{COMMAND} {REBUILD} {} = {}`", line.name, line.specification));
    format!(
        "{} would make cargo compile {again} again, and variables of their types would be lost: {}. \
         Nothing was done; {} does it",
        listed(lines.iter().map(|line| line.name.as_str()).collect()),
        causes.join("; "),
        words.collect::<Vec<_>>().join(", "),
    )
}

fn cause(it: &Recompiled) -> Option<String> {
    let name = &it.name;
    match &it.cause {
        Cause::Version(from, to) => Some(format!("`{name}` {from} becomes {to}")),
        Cause::Features(features) => {
            let features: Vec<String> = features.iter().map(|it| format!("`{it}`")).collect();
            Some(format!("`{name}` is needed with other features ({})", features.join(", ")))
        }
        Cause::Profile => Some(format!("`{name}` is compiled with other settings")),
        Cause::Below => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::read(text).unwrap().unwrap()
    }

    fn parts(text: &str) -> (String, String, bool) {
        let Line { name, specification, may_rebuild, .. } = line(text);
        (name, specification, may_rebuild)
    }

    #[test]
    fn a_line_is_read_as_evcxr_reads_it() {
        let owned = |name: &str, text: &str, word| (name.to_owned(), text.to_owned(), word);
        assert_eq!(parts(" regex"), owned("regex", ANY, false));
        assert_eq!(parts(" regex = \"1\" "), owned("regex", "\"1\"", false));
        assert_eq!(parts(" --rebuild regex=\"1\""), owned("regex", "\"1\"", true));
        let table = "{ version = \"1\", features = [\"a\"] }";
        assert_eq!(parts(&format!(" serde = {table}")), owned("serde", table, false));
        for refused in ["", " a b", " a = ", " = \"1\"", " --rebuild"] {
            assert_eq!(Line::read(refused), Ok(None), "{refused}");
        }
    }

    #[test]
    fn a_path_is_one_from_the_root_and_its_crate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().canonicalize().unwrap();
        let text = text.to_str().unwrap();
        let read = || Line::read(&format!(" {text}"));
        assert!(read().unwrap_err().contains("there is no crate in"));
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert!(read().unwrap_err().contains("is not the manifest of a package"));
        std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"mine\"").unwrap();
        let expected = Line {
            name: "mine".to_owned(),
            specification: format!("{{ path = \"{text}\" }}"),
            may_rebuild: false,
            is_moved: false,
        };
        assert_eq!(read(), Ok(Some(expected)));
        // The tests run in the package's folder.
        assert!(parts(" x = { path = \"src\" }").1.contains(env!("CARGO_MANIFEST_DIR")));
        assert!(Line::read(" x = { path = \"nowhere\" }").unwrap_err().contains("nowhere"));
    }

    #[test]
    fn the_projects_crate_is_known_by_its_name_alone() {
        let prewarm = Some("twoviews = { path = \"/home/a b/twoviews\" }");
        assert_eq!(project("twoviews", prewarm), Some(PathBuf::from("/home/a b/twoviews")));
        for (name, prewarm) in
            [("other", prewarm), ("twoviews", None), ("twoviews", Some("twoviews = \"1\""))]
        {
            assert_eq!(project(name, prewarm), None);
        }
    }

    #[test]
    fn what_cargo_would_pass_over_is_an_error() {
        let error = Line::read(" serde = { version = \"1\", feature = [\"rc\"] }").unwrap_err();
        assert!(error.starts_with("`serde`: a dependency has no `feature`, but version, features"));
        let error = Line::read(" serde = {version").unwrap_err();
        assert!(error.starts_with("`serde = {version` is not a dependency: "), "{error}");
    }

    #[test]
    fn commands_end_where_rust_begins() {
        let cell = "// a\n\n  :dep a\n:offline 1\nlet s = \"\n:dep b\";";
        let found: Vec<_> = commands(cell).collect();
        assert_eq!(found, [(":dep", " a"), (":offline", " 1")]);
        assert_eq!(commands(":vars").collect::<Vec<_>>(), [(":vars", "")]);
        assert_eq!(commands("let a = 1;").count(), 0);
    }

    #[test]
    fn evcxr_does_not_see_the_word() {
        let folder = tempfile::tempdir().unwrap();
        let cell =
            "// é\n  :dep --rebuild a=\"1\"\n:dep b = \"2\"\n:dep  --rebuild c\nf(\"--rebuild\")";
        assert_eq!(
            prepared(folder.path(), cell).unwrap(),
            "// é\n  :dep a = \"1\"\n:dep b = \"2\"\n:dep c = \"*\"\nf(\"--rebuild\")"
        );
        for cell in ["", "let a = 1;", ":vars", ":dep", ":dep a b\n1"] {
            assert_eq!(prepared(folder.path(), cell).unwrap(), cell);
        }
        assert_eq!(prepared(folder.path(), ":dep a = {").unwrap_err().ename, "DependencyError");
    }

    #[test]
    fn a_refusal_says_what_why_and_how() {
        let again =
            |name: &str, is_direct, cause| Recompiled { name: name.to_owned(), is_direct, cause };
        let plan = Plan {
            recompiled: vec![
                again("zip", false, Cause::Version("9.8.1".to_owned(), "9.8.2".to_owned())),
                again("either", false, Cause::Features(vec!["use_std".to_owned()])),
                again("twoviews", true, Cause::Below),
            ],
            new: vec![],
        };
        assert_eq!(
            refusal(&plan, &[line(" zip = \"=9.8.2\"")]),
            "`zip` would make cargo compile `twoviews` and 2 crates below again, and variables of their \
             types would be lost: `zip` 9.8.1 becomes 9.8.2; `either` is needed with other features \
             (`use_std`). Nothing was done; `:dep --rebuild zip = \"=9.8.2\"` does it"
        );
    }
}
