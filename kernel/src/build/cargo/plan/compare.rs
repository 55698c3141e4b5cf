//! What of one graph is compiled again for another.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, Unit};

/// What would be compiled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Crates that are loaded; the causes come first.
    pub recompiled: Vec<Recompiled>,
    /// Crates that are not, by name.
    pub new: Vec<String>,
}

/// A crate that would be compiled again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recompiled {
    pub name: String,
    /// A `:dep` names it.
    pub is_direct: bool,
    pub cause: Cause,
}

/// Why a crate would be compiled again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// From one version to another.
    Version(String, String),
    /// With these features more or fewer.
    Features(Vec<String>),
    /// With other settings of the compiler.
    Profile,
    /// A crate that it is built on is compiled again.
    Below,
}

/// What has to be compiled to go from one graph to the other.
pub(super) fn compare(before: &Graph, after: &Graph) -> Plan {
    let there: HashSet<u64> = after.crates().map(|(_, identity)| identity).collect();
    let by_place: HashMap<_, &Unit> =
        after.crates().map(|(unit, _)| (unit.place(), unit)).collect();
    let known: HashSet<&str> = before.crates().map(|(unit, _)| unit.pkg_id.as_str()).collect();
    let mut recompiled: HashMap<&str, Cause> = HashMap::new();
    for (unit, _) in before.crates().filter(|(_, identity)| !there.contains(identity)) {
        let cause = match by_place.get(&unit.place()) {
            Some(now) if now.features != unit.features => {
                Some(Cause::Features(difference(unit, now)))
            }
            Some(now) if now.profile != unit.profile => Some(Cause::Profile),
            Some(_) => Some(Cause::Below),
            None => another_version(unit, after, &known),
        };
        let Some(cause) = cause else { continue };
        let entry = recompiled.entry(unit.package().0).or_insert_with(|| cause.clone());
        *entry = entry.clone().min(cause);
    }
    let direct = before.direct();
    let recompiled = recompiled.into_iter().map(|(name, cause)| {
        let is_direct = direct.contains(&name);
        Recompiled { name: name.to_owned(), is_direct, cause }
    });
    let mut recompiled: Vec<Recompiled> = recompiled.collect();
    recompiled.sort_by(|a, b| (&a.cause, &a.name).cmp(&(&b.cause, &b.name)));
    let new = after.crates().filter(|(unit, _)| !known.contains(unit.pkg_id.as_str()));
    let mut new: Vec<String> = new.map(|(unit, _)| unit.package().0.to_owned()).collect();
    new.sort();
    new.dedup();
    new.retain(|name| recompiled.iter().all(|it| it.name != *name));
    Plan { recompiled, new }
}

/// The features that only one of the two has.
fn difference(before: &Unit, after: &Unit) -> Vec<String> {
    let only = |one: &Unit, other: &Unit| -> Vec<String> {
        one.features.iter().filter(|it| !other.features.contains(it)).cloned().collect()
    };
    [only(after, before), only(before, after)].concat()
}

/// A version that takes the place of the unit's.
fn another_version(unit: &Unit, after: &Graph, known: &HashSet<&str>) -> Option<Cause> {
    let (name, version) = unit.package();
    let (_, kind, ..) = unit.place();
    let mut others = after.crates().map(|(other, _)| other).filter(|other| {
        other.package().0 == name
            && other.target.kind == kind
            && other.platform == unit.platform
            && !known.contains(other.pkg_id.as_str())
    });
    others.next().map(|other| Cause::Version(version.to_owned(), other.package().1.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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

    fn again(name: &str, is_direct: bool, cause: Cause) -> Recompiled {
        Recompiled { name: name.to_owned(), is_direct, cause }
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
        assert_eq!(plan, Plan { recompiled: vec![], new: vec!["new".to_owned()] });
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
            again("zip", false, Cause::Version("9.8.1".to_owned(), "9.8.2".to_owned())),
            again("either", false, Cause::Features(vec!["use_std".to_owned()])),
            again("lesson", true, Cause::Below),
        ];
        assert_eq!(
            compare(&before, &after),
            Plan { recompiled: expected, new: vec!["new".to_owned()] }
        );
    }

    #[test]
    fn a_second_version_beside_the_first_changes_nothing() {
        let before = graph(&[("ctx", "1.0.0", &[], &[1]), ("rand", "0.8.5", &[], &[])]);
        let after = graph(&[
            ("ctx", "1.0.0", &[], &[1, 2]),
            ("rand", "0.8.5", &[], &[]),
            ("rand", "0.9.0", &[], &[]),
        ]);
        assert_eq!(compare(&before, &after).recompiled, []);
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
}
