//! Which files rust-analyzer reads of a crate.
//!
//! It reads every `.rs` file below the crate's folder, and looks for them in all that lies there: Python
//! environments, build directories, other crates. So it gets a folder with an [`outline`] of the rest.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::build::outline::{self, LeftOut};

/// What no crate's library is made from.
const LEFT_OUT: LeftOut = LeftOut {
    above: &["target", "tests", "examples", "benches", "node_modules"],
    below: &["target", "node_modules"],
    crates: true,
};

/// Puts outlines in the place of the crates of cargo's answer, but not of the cells' own: in `folder` those that lie
/// on this machine and may change.
pub(super) fn shorten(metadata: &mut Value, folder: &Path) {
    let members = metadata["workspace_members"].clone();
    let is_member = |id: &Value| members.as_array().is_some_and(|members| members.contains(id));
    let packages = metadata.get_mut("packages").and_then(Value::as_array_mut);
    for package in packages.into_iter().flatten() {
        if !is_member(&package["id"]) {
            // As it was, it is read whole.
            let _ = shorten_one(package, folder);
        }
    }
}

fn shorten_one(package: &mut Value, folder: &Path) -> Result<()> {
    let manifest = package["manifest_path"].as_str().context("no manifest")?.to_owned();
    let root = Path::new(&manifest).parent().context("no folder")?;
    let place = match package["source"].is_null() {
        true => {
            let place = folder.join(hex::encode(&Sha256::digest(&manifest)[..8]));
            outline::write(root, &LEFT_OUT, &place)?;
            place
        }
        false => outline::kept(root, &LEFT_OUT, package["id"].as_str().context("no identity")?)?,
    };
    let moved = |path: &Value| -> Option<Value> {
        let inside = Path::new(path.as_str()?).strip_prefix(root).ok()?;
        Some(place.join(inside).to_str()?.into())
    };
    let mut shortened = package.clone();
    shortened["manifest_path"] = moved(&package["manifest_path"]).context("not Unicode")?;
    for target in shortened["targets"].as_array_mut().into_iter().flatten() {
        let path = moved(&target["src_path"]).context("a target lies elsewhere")?;
        let is_left_out = path.as_str().is_some_and(|path| !Path::new(path).exists());
        ensure!(
            !is_left_out || !is_library(target),
            "its library lies in a folder that is left out"
        );
        target["src_path"] = path;
    }
    *package = shortened;
    Ok(())
}

/// Whether cells can meet a target: programs, tests and examples they cannot.
fn is_library(target: &Value) -> bool {
    let kinds = target["kind"].as_array().into_iter().flatten().filter_map(Value::as_str);
    kinds.into_iter().any(|kind| kind == "proc-macro" || kind.ends_with("lib"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_crate_is_read_without_what_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lesson");
        for name in ["src", "shared", ".venv", "target", "tests", "other"] {
            fs::create_dir_all(root.join(name)).unwrap();
            fs::write(root.join(name).join("lib.rs"), "").unwrap();
        }
        for name in ["Cargo.toml", "other/Cargo.toml"] {
            fs::write(root.join(name), "").unwrap();
        }
        let package = |id: &str, source: Value, library: &str| {
            json!({"id": id, "source": source, "manifest_path": root.join("Cargo.toml"),
                "targets": [{"kind": ["lib"], "src_path": root.join(library)},
                    {"kind": ["test"], "src_path": root.join("tests/lib.rs")}]})
        };
        let packages = [
            package("cells", Value::Null, "src/lib.rs"),
            package("lesson", Value::Null, "src/lib.rs"),
            package("registry", json!("registry+x"), "src/lib.rs"),
            package("elsewhere", Value::Null, "../lib.rs"),
            package("among-tests", Value::Null, "tests/lib.rs"),
        ];
        let before = json!({"workspace_members": ["cells"], "packages": packages});
        let places = folder.path().join("places");
        // A second cell finds what the first has left.
        for _ in 0..2 {
            let mut after = before.clone();
            shorten(&mut after, &places);
            for same in [0, 2, 3, 4] {
                assert_eq!(after["packages"][same], before["packages"][same]);
            }
            let lesson = &after["packages"][1];
            let source = Path::new(lesson["targets"][0]["src_path"].as_str().unwrap());
            let place = Path::new(lesson["manifest_path"].as_str().unwrap()).parent().unwrap();
            assert!(place.starts_with(&places) && source.is_file());
            assert_eq!(source, place.join("src/lib.rs"));
            let mut names: Vec<_> =
                fs::read_dir(place).unwrap().map(|it| it.unwrap().file_name()).collect();
            names.sort();
            assert_eq!(names, ["Cargo.toml", "shared", "src"]);
        }
        let mut other = json!([1]);
        shorten(&mut other, &places);
        assert_eq!(other, json!([1]));
    }
}
