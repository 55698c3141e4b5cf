//! cargo's graph of the units of compilation.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde::Deserialize;
use serde_json::Value;

/// cargo's units of compilation.
#[derive(Debug, Deserialize)]
pub(super) struct Graph {
    pub(super) units: Vec<Unit>,
    /// Those that were asked for: the cells' own crate.
    pub(super) roots: Vec<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Unit {
    pub(super) pkg_id: String,
    pub(super) target: Target,
    pub(super) profile: Value,
    /// `None` for what runs while others are compiled.
    pub(super) platform: Option<String>,
    pub(super) mode: String,
    pub(super) features: Vec<String>,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) kind: Vec<String>,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) index: usize,
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
    pub(super) fn direct(&self) -> Vec<&str> {
        let roots = self.roots.iter().filter_map(|index| self.units.get(*index));
        let used = roots.flat_map(|root| &root.dependencies);
        used.filter_map(|it| Some(self.units.get(it.index)?.package().0)).collect()
    }

    /// The units of crates, with their identities.
    pub(super) fn crates(&self) -> impl Iterator<Item = (&Unit, u64)> {
        let units = self.units.iter().zip(self.identities()).enumerate();
        units.filter(|(index, _)| !self.roots.contains(index)).map(|(_, unit)| unit)
    }
}

impl Unit {
    pub(super) fn place(&self) -> (&str, &[String], &str, Option<&str>, &str) {
        let Target { kind, name } = &self.target;
        (&self.pkg_id, kind, name, self.platform.as_deref(), &self.mode)
    }

    /// The package's name and version.
    pub(super) fn package(&self) -> (&str, &str) {
        let (url, fragment) = self.pkg_id.rsplit_once('#').unwrap_or((&self.pkg_id, ""));
        let name = |url: &'_ str| url.rfind('/').map_or(0, |at| at + 1);
        fragment.split_once('@').unwrap_or_else(|| {
            let url = url.split('?').next().unwrap_or(url);
            (&url[name(url)..], fragment)
        })
    }
}
