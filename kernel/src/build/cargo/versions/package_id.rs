//! What tells packages apart.

use semver::Version;

/// A package's name, version and source; the source without the commit of a repository, and empty for
/// what lies in a folder of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub name: String,
    pub version: Version,
    pub source: String,
}

/// What cargo uses only one version of: name, source and the part of the version that compatible ones
/// share.
pub(super) type Class = (String, String, [u64; 3]);

impl Id {
    pub(super) fn class(&self) -> Class {
        let Version { major, minor, patch, .. } = self.version;
        let shared = match (major, minor) {
            (0, 0) => [0, 0, patch],
            (0, _) => [0, minor, 0],
            _ => [major, 0, 0],
        };
        (self.name.clone(), self.source.clone(), shared)
    }

    pub(super) fn full(&self) -> String {
        let Self { name, version, source } = self;
        if source.is_empty() {
            format!("{name} {version}")
        } else {
            format!("{name} {version} ({source})")
        }
    }
}

pub(super) fn without_commit(source: &str) -> &str {
    source.split_once('#').map_or(source, |(source, _)| source)
}
