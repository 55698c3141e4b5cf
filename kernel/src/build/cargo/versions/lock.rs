//! Lists of packages with their exact versions, in the form of Cargo.lock.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use semver::Version;

use super::lock_file;
use super::package_id::{Class, Id, without_commit};

/// The packages of a Cargo.lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    /// Of the file's form.
    version: Option<u32>,
    packages: BTreeMap<Id, Package>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    source: Option<String>,
    checksum: Option<String>,
    dependencies: Vec<Id>,
}

impl Lock {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let file: lock_file::Lock = toml::from_str(text)?;
        let ids: Vec<Id> = file.packages.iter().map(lock_file::Package::id).collect();
        let packages = file.packages.into_iter().zip(&ids).map(|(package, id)| {
            let named = package.dependencies.iter();
            let dependencies = named.filter_map(|name| found(name, &ids)).collect();
            let lock_file::Package { source, checksum, .. } = package;
            (id.clone(), Package { source, checksum, dependencies })
        });
        Ok(Self { version: file.version, packages: packages.collect() })
    }

    /// The file's packages; none without the file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            text => text.map_err(Into::into).and_then(|text| Self::parse(&text)),
        }
        .with_context(|| format!("cannot read {}", path.display()))
    }

    /// Writes the file in one step, unless it is the same already.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = self.text()?;
        if fs::read_to_string(path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let part = path.with_extension(format!("lock-{}", std::process::id()));
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn text(&self) -> Result<String> {
        let packages = self.packages.iter().map(|(id, package)| lock_file::Package {
            name: id.name.clone(),
            version: id.version.clone(),
            source: package.source.clone(),
            checksum: package.checksum.clone(),
            dependencies: package.dependencies.iter().map(|id| self.short(id)).collect(),
        });
        let file = lock_file::Lock { version: self.version, packages: packages.collect() };
        Ok(toml::to_string(&file)?)
    }

    /// A dependency as cargo writes it: only as much as tells it from the others. In full if it is not
    /// one of them.
    fn short(&self, id: &Id) -> String {
        let Id { name, version, .. } = id;
        let same = |other: &&Id| other.name == *name;
        if !self.packages.contains_key(id) {
            id.full()
        } else if self.packages.keys().filter(same).count() == 1 {
            name.clone()
        } else if self.packages.keys().filter(same).filter(|it| it.version == *version).count() == 1
        {
            format!("{name} {version}")
        } else {
            id.full()
        }
    }

    /// The packages that are not in `other`.
    pub(crate) fn without(mut self, other: &Self) -> Self {
        self.packages.retain(|id, _| !other.packages.contains_key(id));
        self
    }

    /// Whether all of its packages are in `other`, the same in everything.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.packages.iter().all(|(id, package)| other.packages.get(id) == Some(package))
    }

    /// The packages of all `layers`. Of two versions that exclude one another the one in the earlier
    /// layer stays.
    pub(crate) fn union(layers: &[&Self]) -> Self {
        let mut chosen: BTreeMap<Class, (&Id, &Package)> = BTreeMap::new();
        for (id, package) in layers.iter().flat_map(|layer| &layer.packages) {
            chosen.entry(id.class()).or_insert((id, package));
        }
        let version = layers.iter().filter_map(|layer| layer.version).max();
        let mut packages: BTreeMap<Id, Package> =
            chosen.into_values().map(|(id, package)| (id.clone(), package.clone())).collect();
        let ids: Vec<Id> = packages.keys().cloned().collect();
        for package in packages.values_mut() {
            // Where a dependency had to give way, cargo looks for another version.
            package.dependencies.retain(|id| ids.binary_search(id).is_ok());
        }
        Self { version, packages }
    }

    /// The highest version of the registries' packages of this name.
    pub(crate) fn newest(&self, name: &str) -> Option<String> {
        let same = self.packages.keys().filter(|id| id.name == name);
        let released =
            same.filter(|id| id.source.contains("registry") || id.source.contains("sparse"));
        released.map(|id| &id.version).filter(|it| it.pre.is_empty()).max().map(Version::to_string)
    }

    /// The packages that `project` does not have and that can be used beside its own: none that
    /// excludes one of those, nor any that needs such a one, nor what lies in a folder.
    pub(crate) fn beside(&self, project: &Self) -> Self {
        let taken: Vec<Class> = project.packages.keys().map(Id::class).collect();
        let mut packages = self.packages.clone();
        packages.retain(|id, _| !id.source.is_empty() && !taken.contains(&id.class()));
        loop {
            let ids: Vec<Id> = packages.keys().cloned().collect();
            let is_there =
                |id: &Id| ids.binary_search(id).is_ok() || project.packages.contains_key(id);
            packages.retain(|_, package| package.dependencies.iter().all(is_there));
            if packages.len() == ids.len() {
                return Self { version: self.version, packages };
            }
        }
    }

    /// The version of the only package of this name.
    #[cfg(test)]
    pub(crate) fn version(&self, name: &str) -> Option<String> {
        let mut same = self.packages.keys().filter(|id| id.name == name);
        same.next().filter(|_| same.next().is_none()).map(|id| id.version.to_string())
    }
}

/// The package that a dependency names.
fn found(dependency: &str, ids: &[Id]) -> Option<Id> {
    let mut words = dependency.splitn(3, ' ');
    let name = words.next()?;
    let version: Option<Version> = words.next().and_then(|word| word.parse().ok());
    let source = words.next().map(|word| without_commit(word.trim_matches(['(', ')'])));
    if let (Some(version), Some(source)) = (&version, source) {
        return Some(Id {
            name: name.to_owned(),
            version: version.clone(),
            source: source.to_owned(),
        });
    }
    let is_it = |id: &&Id| id.name == name && version.as_ref().is_none_or(|it| *it == id.version);
    ids.iter().find(is_it).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock of packages from one registry: name, version and dependencies.
    fn lock(packages: &[(&str, &str, &[&str])]) -> Lock {
        let mut text = String::from("version = 4\n");
        for (name, version, dependencies) in packages {
            text += &format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\
                 source = \"registry+r\"\ndependencies = {dependencies:?}\n"
            );
        }
        Lock::parse(&text).unwrap()
    }

    #[test]
    fn the_projects_own_lock_is_written_as_it_was_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        let text = fs::read_to_string(path).unwrap();
        let lock = Lock::parse(&text).unwrap();
        let again = lock.text().unwrap();
        assert_eq!(Lock::parse(&again).unwrap(), lock);
        // cargo writes each dependency on a line of its own.
        let words = |text: &str| -> Vec<String> {
            let text = text.replace(['[', ']', ','], " ");
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect()
        };
        let (mut one, mut other) = (words(&text), words(&again));
        one.sort();
        other.sort();
        assert_eq!(one, other);
    }

    #[test]
    fn of_compatible_versions_the_first_one_stays() {
        let project = lock(&[("zip", "9.8.1", &[]), ("rand", "0.8.5", &[])]);
        let added = lock(&[
            ("zip", "9.8.2", &[]),
            ("rand", "0.9.0", &[]),
            ("user", "1.0.0", &["zip", "rand 0.9.0"]),
        ]);
        let all = Lock::union(&[&project, &added]);
        assert_eq!(all.version("zip").unwrap(), "9.8.1");
        assert_eq!(all.version("user").unwrap(), "1.0.0");
        let text = all.text().unwrap();
        assert!(!text.contains("9.8.2"), "{text}");
        // For the other one another version of zip is looked for.
        assert!(text.contains("dependencies = [\"rand 0.9.0\"]"), "{text}");
        assert_eq!(Lock::union(&[&added, &project]).version("zip").unwrap(), "9.8.2");
        assert_eq!(Lock::union(&[&project, &Lock::default()]), project);
        assert_eq!((all.newest("rand").as_deref(), all.newest("none")), (Some("0.9.0"), None));
    }

    #[test]
    fn what_needs_another_version_of_a_locked_crate_is_not_kept() {
        let project = lock(&[("zip", "9.8.1", &[]), ("either", "1.0.0", &[])]);
        let resolved = lock(&[
            ("zip", "9.8.2", &[]),
            ("either", "1.0.0", &[]),
            ("over", "1.0.0", &["under"]),
            ("under", "1.0.0", &["zip"]),
            ("itertools", "0.14.0", &["either"]),
        ]);
        let kept = resolved.beside(&project);
        assert_eq!(kept.packages.len(), 1);
        let text = kept.text().unwrap();
        assert!(text.contains("\"either 1.0.0 (registry+r)\""), "{text}");
        // What it depends on stands elsewhere, and is found again.
        let again = Lock::union(&[&project, &Lock::parse(&text).unwrap()]);
        assert_eq!(again.version("itertools").unwrap(), "0.14.0");
        assert!(again.text().unwrap().contains("\"either\""));
    }

    #[test]
    fn a_repositorys_commit_is_kept() {
        let text = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                    source = \"git+https://x/a?branch=main#0123\"\n\
                    [[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"registry+r\"\n\
                    dependencies = [\"a 1.0.0 (git+https://x/a?branch=main)\"]\n\
                    [[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+r\"\n";
        let lock = Lock::parse(text).unwrap();
        let written = lock.text().unwrap();
        assert!(written.contains("branch=main#0123\""), "{written}");
        assert!(written.contains("\"a 1.0.0 (git+https://x/a?branch=main)\""), "{written}");
    }

    #[test]
    fn a_file_that_is_no_lock_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Cargo.lock");
        assert!(Lock::read(&path).unwrap() == Lock::default());
        fs::write(&path, "package = 1").unwrap();
        assert!(format!("{:#}", Lock::read(&path).unwrap_err()).contains("Cargo.lock"));
    }
}
