//! Which crates rust-analyzer reads.
//!
//! It asks `cargo metadata` and reads every crate it hears of, for seconds, before it knows the type
//! of a variable. A cell meets few of them: what a crate only computes with never shows. So
//! the answer leaves out
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
//! Cells are compiled with all crates: only rust-analyzer names a manifest when it asks.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::crate_sources;

/// The standard library's crates do not name their interface. Those that the system is called with, which also `test` and
/// what unwinds use, are as much to read as `alloc`.
const STD: [(&str, &[&str]); 8] = [
    ("std", &["core", "alloc", "hashbrown", "cfg-if"]),
    ("alloc", &["core"]),
    ("proc_macro", &["core", "std"]),
    ("test", &["core", "std"]),
    ("panic_abort", &["core"]),
    ("panic_unwind", &["core"]),
    ("unwind", &["core"]),
    ("std_detect", &["core"]),
];

/// What `cargo metadata` has answered, without the crates that no cell meets. `folder` is for
/// [`crate_sources`].
pub(super) fn pruned(answer: Vec<u8>, folder: &Path) -> Vec<u8> {
    let Ok(mut metadata) = serde_json::from_slice(&answer) else { return answer };
    prune(&mut metadata);
    crate_sources::shorten(&mut metadata, folder);
    metadata.to_string().into_bytes()
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
    let interfaces = interfaces(&packages);
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
fn interfaces<'a>(packages: &HashMap<&str, &'a Value>) -> HashMap<&'a str, Vec<&'a str>> {
    let is_core = |package: &Value| package["name"] == "core" && package["source"].is_null();
    let is_std = packages.values().any(|package| is_core(package));
    let std = STD.iter().filter(|_| is_std).map(|(name, list)| (*name, list.to_vec()));
    let named =
        packages.values().filter_map(|package| package["metadata"]["interface"].as_object());
    let named = named.flatten().map(|(name, list)| {
        let list = list.as_array().into_iter().flatten();
        (name.as_str(), list.filter_map(Value::as_str).collect())
    });
    std.chain(named).collect()
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
    fn the_standard_librarys_names_mean_other_crates_elsewhere() {
        let null = Value::Null;
        let graph = |core: &Value| {
            let names = ["cells", "test", "getopts", "core"];
            let mut packages = names.map(|name| package(name, "lib", &null));
            packages[3]["source"] = core.clone();
            json!({"packages": packages, "workspace_members": ["cells"], "resolve": {"nodes": [
                node("cells", &[uses("test", &null)]),
                node("test", &[uses("getopts", &null), uses("core", &null)]),
                node("getopts", &[]), node("core", &[]),
            ]}})
        };
        for (core, count) in [(null.clone(), 3), (json!("registry+x"), 4)] {
            let mut metadata = graph(&core);
            prune(&mut metadata);
            assert_eq!(metadata["packages"].as_array().unwrap().len(), count);
        }
    }

    #[test]
    fn an_answer_of_another_form_is_left_as_it_is() {
        for mut other in [json!({}), json!([1]), json!({"packages": 1, "resolve": null})] {
            let before = other.clone();
            prune(&mut other);
            assert_eq!(other, before);
        }
    }
}
