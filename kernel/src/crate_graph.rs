//! Which crates rust-analyzer reads.
//!
//! It asks `cargo metadata` and reads every crate it hears of, for seconds, before it knows the type
//! of a variable. A cell meets few of them: what a crate only computes with never shows. So
//! this program stands in for the cargo that rust-analyzer calls and leaves out of the answer
//!
//! - what is there for build scripts and tests only, and procedural macros, which are not run here;
//! - what is not part of a crate's interface, where its interface is known: the crate that a
//!   notebook loads may say in its Cargo.toml, for itself and the crates below it, which dependencies'
//!   types others meet:
//!
//! ```toml
//! [package.metadata.interface]
//! twoviews = ["tch", "ndarray"]
//! ```
//!
//! Cells are compiled with all crates: evcxr calls cargo itself.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

/// rust-analyzer looks for `bin/cargo` here first.
pub(crate) const HOME: &str = "CARGO_HOME";
/// What [`HOME`] was before; empty if it was not set.
const REAL_HOME: &str = "TWOVIEWS_CARGO_HOME";

/// The standard library's crates do not name their interface.
const STD: [(&str, &[&str]); 3] = [
    ("std", &["core", "alloc", "hashbrown", "cfg-if"]),
    ("alloc", &["core"]),
    ("proc_macro", &["core", "std"]),
];

/// Whether this program was called by the name of cargo.
pub(crate) fn is_wanted() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_some_and(|name| name.file_name() == Some("cargo".as_ref()))
}

/// cargo's folder with another cargo in it, for rust-analyzer alone.
pub(crate) struct CargoHome {
    folder: PathBuf,
    real: Option<OsString>,
}

impl CargoHome {
    /// Makes `folder` like cargo's own, but with this program as its cargo.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        Self::like(std::env::var_os(HOME), folder)
    }

    fn like(real: Option<OsString>, folder: &Path) -> Result<Self> {
        let home = Self { folder: folder.to_owned(), real };
        std::fs::create_dir_all(folder.join("bin"))?;
        symlink(std::env::current_exe()?, folder.join("bin/cargo"))?;
        // evcxr's first build reads the settings here.
        for entry in
            home.real_folder().and_then(|folder| folder.read_dir().ok()).into_iter().flatten()
        {
            let entry = entry?;
            if entry.file_name() != "bin" {
                symlink(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        Ok(home)
    }

    /// The variables that send rust-analyzer there.
    pub(crate) fn variables(&self) -> [(&'static str, OsString); 2] {
        [(HOME, self.folder.clone().into()), (REAL_HOME, self.real.clone().unwrap_or_default())]
    }

    /// cargo's own folder, if anything says where it is.
    pub(crate) fn real_folder(&self) -> Option<PathBuf> {
        real_folder(self.real.as_deref())
    }

    /// Lets a program see the variables as they were.
    pub(crate) fn hide_from(&self, command: &mut Command) {
        restore(command, self.real.as_deref());
    }
}

fn real_folder(home: Option<&OsStr>) -> Option<PathBuf> {
    home.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

fn restore(command: &mut Command, home: Option<&OsStr>) {
    command.env_remove(REAL_HOME);
    match home {
        Some(home) => command.env(HOME, home),
        None => command.env_remove(HOME),
    };
}

/// Runs cargo as it would have run, but for what it says about crates.
pub(crate) fn run() -> ExitCode {
    match answer() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut cargo = real_cargo();
    cargo.args(&arguments);
    let asks = |word: &str| arguments.iter().any(|argument| argument == word);
    if !asks("metadata") || asks("--no-deps") {
        return Err(cargo.exec()).context("cannot run cargo");
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    let answer = match serde_json::from_slice(&output.stdout) {
        Ok(mut metadata) if output.status.success() => {
            prune(&mut metadata);
            serde_json::to_vec(&metadata)?
        }
        _ => output.stdout,
    };
    std::io::stdout().write_all(&answer)?;
    Ok(output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The toolchain's own, if rust-analyzer has named its folder, or the first that is found.
fn real_cargo() -> Command {
    let toolchain =
        std::env::var_os("RUSTUP_TOOLCHAIN").map(|folder| Path::new(&folder).join("bin"));
    let toolchain = toolchain.filter(|bin| bin.is_absolute());
    let home = std::env::var_os(REAL_HOME).filter(|home| !home.is_empty());
    let bin = real_folder(home.as_deref()).map(|folder| folder.join("bin"));
    let programs = [&toolchain, &bin].into_iter().flatten().map(|bin| bin.join("cargo"));
    let program = programs.into_iter().find(|path| path.is_file());
    let mut command = Command::new(program.unwrap_or_else(|| "cargo".into()));
    restore(&mut command, home.as_deref());
    // As rustup does: cargo then finds this toolchain's rustc, and does not ask rustup for it, which
    // takes longer than the answer.
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Ok(path) =
        std::env::join_paths(toolchain.into_iter().chain(std::env::split_paths(&path)))
    {
        command.env("PATH", path);
    }
    command
}

/// Leaves the crates out that no cell meets.
fn prune(metadata: &mut Value) {
    let shown = shown(metadata);
    let members = metadata["workspace_members"].as_array().into_iter().flatten();
    let mut next: Vec<&str> = members.filter_map(Value::as_str).collect();
    let mut met = HashSet::new();
    while let Some(id) = next.pop() {
        if met.insert(id.to_owned()) {
            next.extend(shown.get(id).into_iter().flatten().map(String::as_str));
        }
    }
    let is_met = |id: &Value| id.as_str().is_some_and(|id| met.contains(id));
    if let Some(packages) = list(metadata, "/packages") {
        packages.retain(|package| is_met(&package["id"]));
    }
    let Some(nodes) = list(metadata, "/resolve/nodes") else { return };
    nodes.retain(|node| is_met(&node["id"]));
    for node in nodes {
        let Some(shown) = node["id"].as_str().and_then(|id| shown.get(id)) else { continue };
        let is_shown = |id: &Value| id.as_str().is_some_and(|id| shown.iter().any(|it| it == id));
        if let Some(dependencies) = list(node, "/deps") {
            dependencies.retain(|dependency| is_shown(&dependency["pkg"]));
        }
        if let Some(dependencies) = list(node, "/dependencies") {
            dependencies.retain(is_shown);
        }
    }
}

/// For each crate, the dependencies that it shows; all are named by their ids.
fn shown(metadata: &Value) -> HashMap<String, Vec<String>> {
    let packages: HashMap<&str, &Value> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let interfaces = interfaces(packages.values().copied());
    let name = |id: &str| packages.get(id).and_then(|package| package["name"].as_str());
    let mut shown = HashMap::new();
    for node in metadata["resolve"]["nodes"].as_array().into_iter().flatten() {
        let Some(id) = node["id"].as_str() else { continue };
        let interface = name(id).and_then(|name| interfaces.get(name));
        let dependencies = node["deps"].as_array().into_iter().flatten();
        let ids =
            dependencies.filter(|dependency| is_for_the_library(dependency)).filter_map(|it| {
                let other = it["pkg"].as_str()?;
                let is_named = interface
                    .is_none_or(|names| name(other).is_some_and(|name| names.contains(&name)));
                (is_named && !is_macro(packages.get(other)?)).then(|| other.to_owned())
            });
        shown.insert(id.to_owned(), ids.collect());
    }
    shown
}

/// Not only for tests or a build script.
fn is_for_the_library(dependency: &Value) -> bool {
    let kinds = dependency["dep_kinds"].as_array();
    kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut kinds = targets.filter_map(|target| target["kind"].as_array()).flatten();
    kinds.any(|kind| kind == "proc-macro")
}

fn list<'a>(value: &'a mut Value, at: &str) -> Option<&'a mut Vec<Value>> {
    value.pointer_mut(at)?.as_array_mut()
}

/// The names of the dependencies that a crate shows, for the crates where that is known.
fn interfaces<'a>(packages: impl Iterator<Item = &'a Value>) -> HashMap<&'a str, Vec<&'a str>> {
    let named = packages.filter_map(|package| package["metadata"]["interface"].as_object());
    let named = named.flatten().map(|(name, list)| {
        let list = list.as_array().into_iter().flatten();
        (name.as_str(), list.filter_map(Value::as_str).collect())
    });
    STD.iter().map(|(name, list)| (*name, list.to_vec())).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(id: &str, kind: &str, metadata: &Value) -> Value {
        json!({"id": id, "name": id, "targets": [{"kind": [kind]}], "metadata": metadata})
    }

    /// A dependency that is used by the library (null), by tests ("dev") or by build scripts ("build").
    fn uses(id: &str, kind: &Value) -> Value {
        json!({"name": id, "pkg": id, "dep_kinds": [{"kind": kind, "target": null}]})
    }

    fn node(id: &str, uses: &[Value]) -> Value {
        let ids: Vec<&Value> = uses.iter().map(|dependency| &dependency["pkg"]).collect();
        json!({"id": id, "deps": uses, "dependencies": ids})
    }

    #[test]
    fn what_no_cell_meets_is_left_out() {
        let null = Value::Null;
        let interface = json!({"interface": {"lesson": ["tensor", "macro"], "tensor": []}});
        let mut metadata = json!({
            "packages": [
                package("cells", "lib", &null), package("lesson", "lib", &interface),
                package("tensor", "lib", &null), package("zip", "lib", &null),
                package("http", "lib", &null), package("macro", "proc-macro", &null),
                package("plain", "lib", &null), package("below", "lib", &null),
                package("cc", "lib", &null), package("check", "lib", &null),
            ],
            "workspace_members": ["cells"],
            "resolve": {"root": "cells", "nodes": [
                node("cells", &[uses("lesson", &null), uses("plain", &null)]),
                node("lesson", &[uses("tensor", &null), uses("http", &null), uses("macro", &null)]),
                node("tensor", &[uses("zip", &null)]),
                node("plain", &[
                    uses("below", &null), uses("cc", &json!("build")), uses("check", &json!("dev")),
                ]),
                node("zip", &[]), node("http", &[]), node("macro", &[]), node("below", &[]),
                node("cc", &[]), node("check", &[]),
            ]},
        });
        prune(&mut metadata);
        let expected = ["cells", "lesson", "tensor", "plain", "below"];
        let ids = |list: &Value| -> Vec<String> {
            let ids =
                list.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
            ids.collect()
        };
        assert_eq!(ids(&metadata["packages"]), expected);
        let nodes = &metadata["resolve"]["nodes"];
        assert_eq!(ids(nodes), expected);
        assert_eq!(nodes[1], node("lesson", &[uses("tensor", &null)]));
        assert_eq!(nodes[2], node("tensor", &[]));
        assert_eq!(nodes[3], node("plain", &[uses("below", &null)]));
    }

    #[test]
    fn an_answer_of_another_form_is_left_as_it_is() {
        for mut other in [json!({}), json!([1]), json!({"packages": 1, "resolve": null})] {
            let before = other.clone();
            prune(&mut other);
            assert_eq!(other, before);
        }
    }

    #[test]
    fn the_folder_has_all_of_cargos_but_its_programs() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir_all(real.join("bin")).unwrap();
        std::fs::write(real.join("bin/cargo"), "").unwrap();
        std::fs::write(real.join("config.toml"), "[build]").unwrap();
        let copy = folder.path().join("copy");
        let home = CargoHome::like(Some(real.clone().into()), &copy).unwrap();
        assert_eq!(std::fs::read_to_string(copy.join("config.toml")).unwrap(), "[build]");
        let program = std::fs::canonicalize(copy.join("bin/cargo")).unwrap();
        assert_eq!(program, std::env::current_exe().unwrap().canonicalize().unwrap());
        assert_eq!(home.real_folder(), Some(real.clone()));
        let mut command = Command::new("program");
        home.hide_from(&mut command);
        let variables: HashMap<_, _> = command.get_envs().collect();
        assert_eq!(variables[OsStr::new(HOME)], Some(real.as_os_str()));
        assert_eq!(variables[OsStr::new(REAL_HOME)], None);
    }
}
