//! What adding a crate would compile again.
//!
//! A crate that is added may ask for more features of one that is loaded, or for another version. Then
//! that one and all that are built on it are compiled again, which takes minutes, and their types are
//! others: variables are lost. cargo knows beforehand: its graph of the units of compilation is compared
//! with and without the new crate.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use super::versions::Versions;
use super::{CargoShim, complaint, real_cargo};
use crate::build::directory;

/// Lets a stable cargo show its graph.
const CHANNEL: (&str, &str) = ("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
/// Below the build folder, where cargo is asked.
const FOLDER: &str = "plan";

/// What would be compiled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Crates that are loaded; the causes come first.
    pub again: Vec<Again>,
    /// Crates that are not, by name.
    pub new: Vec<String>,
}

/// A crate that would be compiled again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Again {
    pub name: String,
    /// A `:dep` names it.
    pub is_direct: bool,
    pub why: Why,
}

/// Why a crate would be compiled again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// From one version to another.
    Version(String, String),
    /// With these features more or fewer.
    Features(Vec<String>),
    /// With other settings of the compiler.
    Profile,
    /// A crate that it is built on is compiled again.
    Below,
}

/// What is compiled if the dependencies `new`, each a name and what stands behind the `=`, are added to
/// the manifest `toml` of the build folder. `offline` if the cell says so itself.
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
    let Ok(triple) = directory::triple(&folder.join("target")) else { return Ok(Plan::default()) };
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

/// cargo's units of compilation.
#[derive(Debug, Deserialize)]
struct Graph {
    units: Vec<Unit>,
    /// Those that were asked for: the cells' own crate.
    roots: Vec<usize>,
}

#[derive(Debug, Deserialize)]
struct Unit {
    pkg_id: String,
    target: Target,
    profile: Value,
    /// `None` for what runs while others are compiled.
    platform: Option<String>,
    mode: String,
    features: Vec<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    index: usize,
}

impl Graph {
    /// What tells each unit from others, those below it included.
    fn identities(&self) -> Vec<u64> {
        fn of(graph: &Graph, index: usize, known: &mut [Option<u64>]) -> u64 {
            let Some(unit) = graph.units.get(index) else { return 0 };
            if let Some(identity) = known[index] {
                return identity;
            }
            let mut below: Vec<u64> =
                unit.dependencies.iter().map(|it| of(graph, it.index, known)).collect();
            below.sort_unstable();
            let mut hasher = DefaultHasher::new();
            (unit.place(), &unit.features, unit.profile.to_string(), below).hash(&mut hasher);
            *known[index].insert(hasher.finish())
        }
        let mut known = vec![None; self.units.len()];
        (0..self.units.len()).map(|index| of(self, index, &mut known)).collect()
    }

    /// The names of the packages that the cells themselves use.
    fn direct(&self) -> Vec<&str> {
        let roots = self.roots.iter().filter_map(|index| self.units.get(*index));
        let used = roots.flat_map(|root| &root.dependencies);
        used.filter_map(|it| Some(self.units.get(it.index)?.package().0)).collect()
    }

    /// The units of crates, with their identities.
    fn crates(&self) -> impl Iterator<Item = (&Unit, u64)> {
        let units = self.units.iter().zip(self.identities()).enumerate();
        units.filter(|(index, _)| !self.roots.contains(index)).map(|(_, unit)| unit)
    }
}

impl Unit {
    fn place(&self) -> (&str, &[String], &str, Option<&str>, &str) {
        let Target { kind, name } = &self.target;
        (&self.pkg_id, kind, name, self.platform.as_deref(), &self.mode)
    }

    /// The package's name and version.
    fn package(&self) -> (&str, &str) {
        let (url, fragment) = self.pkg_id.rsplit_once('#').unwrap_or((&self.pkg_id, ""));
        let name = |url: &'_ str| url.rfind('/').map_or(0, |at| at + 1);
        fragment.split_once('@').unwrap_or_else(|| {
            let url = url.split('?').next().unwrap_or(url);
            (&url[name(url)..], fragment)
        })
    }
}

fn compare(before: &Graph, after: &Graph) -> Plan {
    let there: HashSet<u64> = after.crates().map(|(_, identity)| identity).collect();
    let by_place: HashMap<_, &Unit> =
        after.crates().map(|(unit, _)| (unit.place(), unit)).collect();
    let known: HashSet<&str> = before.crates().map(|(unit, _)| unit.pkg_id.as_str()).collect();
    let mut again: HashMap<&str, Why> = HashMap::new();
    for (unit, _) in before.crates().filter(|(_, identity)| !there.contains(identity)) {
        let why = match by_place.get(&unit.place()) {
            Some(now) if now.features != unit.features => {
                Some(Why::Features(difference(unit, now)))
            }
            Some(now) if now.profile != unit.profile => Some(Why::Profile),
            Some(_) => Some(Why::Below),
            None => another_version(unit, after, &known),
        };
        let Some(why) = why else { continue };
        let entry = again.entry(unit.package().0).or_insert_with(|| why.clone());
        *entry = entry.clone().min(why);
    }
    let direct = before.direct();
    let again = again.into_iter().map(|(name, why)| {
        let is_direct = direct.contains(&name);
        Again { name: name.to_owned(), is_direct, why }
    });
    let mut again: Vec<Again> = again.collect();
    again.sort_by(|a, b| (&a.why, &a.name).cmp(&(&b.why, &b.name)));
    let new = after.crates().filter(|(unit, _)| !known.contains(unit.pkg_id.as_str()));
    let mut new: Vec<String> = new.map(|(unit, _)| unit.package().0.to_owned()).collect();
    new.sort();
    new.dedup();
    new.retain(|name| again.iter().all(|it| it.name != *name));
    Plan { again, new }
}

/// The features that only one of the two has.
fn difference(before: &Unit, after: &Unit) -> Vec<String> {
    let only = |one: &Unit, other: &Unit| -> Vec<String> {
        one.features.iter().filter(|it| !other.features.contains(it)).cloned().collect()
    };
    [only(after, before), only(before, after)].concat()
}

/// A version that takes the place of the unit's.
fn another_version(unit: &Unit, after: &Graph, known: &HashSet<&str>) -> Option<Why> {
    let (name, version) = unit.package();
    let (_, kind, ..) = unit.place();
    let mut others = after.crates().map(|(other, _)| other).filter(|other| {
        other.package().0 == name
            && other.target.kind == kind
            && other.platform == unit.platform
            && !known.contains(other.pkg_id.as_str())
    });
    others.next().map(|other| Why::Version(version.to_owned(), other.package().1.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Units of libraries: package, version, features and the places of those below. The first one is
    /// the cells' own.
    fn graph(units: &[(&str, &str, &[&str], &[usize])]) -> Graph {
        let units = units.iter().map(|(name, version, features, below)| {
            let below: Vec<Value> = below.iter().map(|index| json!({"index": index})).collect();
            json!({
                "pkg_id": format!("registry+https://r/index#{name}@{version}"),
                "target": {"kind": ["lib"], "name": name}, "profile": {"opt_level": "2"},
                "platform": "x", "mode": "build", "features": features, "dependencies": below,
            })
        });
        let units: Vec<Value> = units.collect();
        serde_json::from_value(json!({"units": units, "roots": [0]})).unwrap()
    }

    fn again(name: &str, is_direct: bool, why: Why) -> Again {
        Again { name: name.to_owned(), is_direct, why }
    }

    #[test]
    fn a_crate_beside_the_others_changes_nothing() {
        let before = graph(&[("ctx", "1.0.0", &[], &[1]), ("lesson", "0.1.0", &[], &[])]);
        let after = graph(&[
            ("ctx", "1.0.0", &[], &[2, 1]),
            ("new", "1.0.0", &[], &[]),
            ("lesson", "0.1.0", &[], &[]),
        ]);
        let plan = compare(&before, &after);
        assert_eq!(plan, Plan { again: vec![], new: vec!["new".to_owned()] });
        assert_eq!(compare(&after, &before), Plan::default(), "one that goes is no cause");
    }

    #[test]
    fn more_features_and_other_versions_reach_all_that_is_above() {
        let before = graph(&[
            ("ctx", "1.0.0", &[], &[1]),
            ("lesson", "0.1.0", &[], &[2, 3]),
            ("either", "1.19.0", &[], &[]),
            ("zip", "9.8.1", &[], &[]),
        ]);
        let after = graph(&[
            ("ctx", "1.0.0", &[], &[1, 4]),
            ("lesson", "0.1.0", &[], &[2, 3]),
            ("either", "1.19.0", &["use_std"], &[]),
            ("zip", "9.8.2", &[], &[]),
            ("new", "1.0.0", &[], &[2]),
        ]);
        let expected = vec![
            again("zip", false, Why::Version("9.8.1".to_owned(), "9.8.2".to_owned())),
            again("either", false, Why::Features(vec!["use_std".to_owned()])),
            again("lesson", true, Why::Below),
        ];
        assert_eq!(compare(&before, &after), Plan { again: expected, new: vec!["new".to_owned()] });
    }

    #[test]
    fn a_second_version_beside_the_first_changes_nothing() {
        let before = graph(&[("ctx", "1.0.0", &[], &[1]), ("rand", "0.8.5", &[], &[])]);
        let after = graph(&[
            ("ctx", "1.0.0", &[], &[1, 2]),
            ("rand", "0.8.5", &[], &[]),
            ("rand", "0.9.0", &[], &[]),
        ]);
        assert_eq!(compare(&before, &after).again, []);
    }

    #[test]
    fn packages_are_named() {
        let name = |id: &str| {
            let mut graph = graph(&[("a", "1.0.0", &[], &[])]);
            graph.units[0].pkg_id = id.to_owned();
            let (name, version) = graph.units[0].package();
            (name.to_owned(), version.to_owned())
        };
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(name("registry+https://x/index#either@1.0.0"), pair("either", "1.0.0"));
        assert_eq!(name("path+file:///home/lesson#0.1.0"), pair("lesson", "0.1.0"));
        assert_eq!(name("path+file:///home/main#lesson@0.1.0"), pair("lesson", "0.1.0"));
        assert_eq!(name("git+https://x/y/lib?branch=main#0.1.0"), pair("lib", "0.1.0"));
    }

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
