//! What adding a crate would compile again.
//!
//! A crate that is added may ask for more features of one that is loaded, or for another version. Then
//! that one and all that are built on it are compiled again, which takes minutes, and their types are
//! others: variables are lost. cargo knows beforehand: its graph of the units of compilation is compared
//! with and without the new crate.

mod compare;
mod graph;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, anyhow, bail};

use self::compare::compare;
pub(crate) use self::compare::{Cause, Plan, Recompiled};
use self::graph::Graph;
use super::versions::Versions;
use super::{CargoShim, complaint, real_cargo};
use crate::build::filling;

/// Lets a stable cargo show its graph.
const CHANNEL: (&str, &str) = ("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
/// Below the build directory, where cargo is asked.
const FOLDER: &str = "plan";

/// What is compiled if the dependencies `new`, each a name and what stands behind the `=`, are added to
/// the manifest `toml` of the build directory. `offline` if the cell says so itself.
pub(crate) fn plan(
    folder: &Path,
    toml: &str,
    new: &[(String, String)],
    offline: Option<bool>,
) -> Result<Plan> {
    let (manifest, after) = (toml.parse::<toml::Table>()?, with(toml, new)?);
    let is_same = manifest.get("dependencies") == after.get("dependencies");
    let Some(versions) = Versions::of(folder).filter(|_| !is_same) else {
        return Ok(Plan::default());
    };
    let Ok(triple) = filling::triple(&folder.join("target")) else { return Ok(Plan::default()) };
    real_cargo::forget_ended_compilers(&folder.join("target"));
    let offline = offline.unwrap_or_else(|| real_cargo::is_offline(&[], folder));
    let graph = |name: &str, manifest: &toml::Table| -> Result<Graph> {
        let place = folder.join(FOLDER).join(name);
        fs::create_dir_all(place.join("src"))?;
        fs::write(place.join("src/lib.rs"), "")?;
        fs::write(place.join("Cargo.toml"), toml::to_string(manifest)?)?;
        let mut cargo = cargo(folder, &place, &triple);
        let output = resolved(&mut cargo, &place, &versions, offline)?;
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let (before, after) = std::thread::scope(|scope| {
        let before = scope.spawn(|| graph("before", &manifest));
        let after = graph("after", &after);
        (before.join().map_err(|_| anyhow!("cargo's graph cannot be read")), after)
    });
    Ok(compare(&before??, &after?))
}

/// The manifest with more dependencies.
fn with(toml: &str, new: &[(String, String)]) -> Result<toml::Table> {
    let mut manifest: toml::Table = toml.parse()?;
    let dependencies = manifest.entry("dependencies").or_insert_with(|| toml::Table::new().into());
    let dependencies = dependencies.as_table_mut().context("the dependencies are no table")?;
    for (name, text) in new {
        let line: toml::Table =
            format!("it = {text}").parse().map_err(|error: toml::de::Error| {
                anyhow!("`{name} = {text}` is not a dependency: {}", error.message())
            })?;
        let value = line.get("it").filter(|_| line.len() == 1).context("one line at a time")?;
        dependencies.insert(name.clone(), value.clone());
    }
    Ok(manifest)
}

fn cargo(folder: &Path, place: &Path, triple: &Path) -> Command {
    let mut cargo =
        CargoShim::of_this_process().map_or_else(|| Command::new("cargo"), |it| it.cargo());
    cargo.args(["build", "--unit-graph", "-Zunstable-options", "--target"]).arg(triple);
    // As evcxr does: what cargo has found out about the compiler then serves here, too.
    cargo.current_dir(place).env("RUSTFLAGS", "-Cprefer-dynamic").env(CHANNEL.0, CHANNEL.1);
    let target = folder.join("target");
    cargo.env("CARGO_TARGET_DIR", &target).env("CARGO_BUILD_BUILD_DIR", &target);
    cargo
}

/// What cargo answers, once it has found all crates.
fn resolved(
    cargo: &mut Command,
    place: &Path,
    versions: &Versions,
    offline: bool,
) -> Result<Output> {
    versions.whole()?.write(&place.join("Cargo.lock"))?;
    let first = real_cargo::run_offline(cargo)?;
    if first.status.success() {
        return Ok(first);
    }
    let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    if offline {
        bail!(complaint::offline(&text(&first)));
    }
    let fetched = real_cargo::fetch(cargo, place, versions)?;
    if !fetched.status.success() {
        bail!(complaint::online(&text(&first), &text(&fetched)));
    }
    let second = real_cargo::run_offline(cargo)?;
    if !second.status.success() {
        bail!(complaint::in_one_line(&text(&second)));
    }
    Ok(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_added_to_a_manifest() {
        let new = |name: &str, text: &str| [(name.to_owned(), text.to_owned())];
        let manifest = with("[dependencies]\na = \"1\"", &new("b", "{ version = \"2\" }")).unwrap();
        assert_eq!(manifest["dependencies"]["b"]["version"].as_str(), Some("2"));
        assert_eq!(manifest["dependencies"]["a"].as_str(), Some("1"));
        let manifest = with("[dependencies]\na = \"1\"", &new("a", "\"2\"")).unwrap();
        assert_eq!(manifest["dependencies"]["a"].as_str(), Some("2"));
        assert!(with("", &new("a", "{")).unwrap_err().to_string().contains("`a = {`"));
    }
}
