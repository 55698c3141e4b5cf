//! The form of Cargo.lock.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::package_id::{Id, without_commit};

#[derive(Deserialize, Serialize)]
pub(super) struct Lock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    #[serde(default, rename = "package", skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Package {
    pub name: String,
    pub version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
}

impl Package {
    pub(super) fn id(&self) -> Id {
        let source = self.source.as_deref().map(without_commit).unwrap_or_default();
        Id { name: self.name.clone(), version: self.version.clone(), source: source.to_owned() }
    }
}
