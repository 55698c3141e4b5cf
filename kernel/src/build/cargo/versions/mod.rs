//! Which versions of crates a build directory uses.
//!
//! cargo leaves out of a Cargo.lock what the manifest at hand does not need, and the folder of the cells
//! has a manifest without dependencies whenever a kernel starts. So before each call of cargo a whole
//! lock is put back. It is made of
//!
//! 1. what this session has used until now: nothing moves under a variable that exists;
//! 2. the project's Cargo.lock;
//! 3. the crates that were added in this checkout before, by whichever kernel, in one file beside the
//!    build directories; of an installation for many users also those that it was made with.
//!
//! Of two versions of which cargo would use only one, the first in this order is taken.

mod lock;
mod lock_file;
mod package_id;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use twoviews_constants::variable::{BUILD_TEMPLATE, CARGO_LOCK};

use self::lock::Lock;
use crate::build::cache::path_variable;

/// In a build directory, what its session has used.
const SESSION: &str = "session.lock";
/// In a build directory, the manifest of its session.
const MANIFEST: &str = "session.toml";
/// Beside the build directories, what was added.
const ADDED: &str = "crates.lock";
/// A file that is not there.
const NO_PROJECT: &str = "project.lock";

/// The versions of one build directory.
pub(crate) struct Versions {
    project: PathBuf,
    session: PathBuf,
    manifest: PathBuf,
    added: PathBuf,
    /// What an installation for many users has.
    installed: Option<PathBuf>,
}

impl Versions {
    /// Where no project is named, its versions are none. `None` if `folder` lies in no other folder.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let parent = folder.parent()?;
        let project = path_variable(CARGO_LOCK).unwrap_or_else(|| parent.join(NO_PROJECT));
        let added = parent.join(ADDED);
        let (session, manifest) = (folder.join(SESSION), folder.join(MANIFEST));
        let template = path_variable(BUILD_TEMPLATE);
        let installed = template.and_then(|folder| Some(folder.parent()?.join(ADDED)));
        Some(Self { project, session, manifest, added, installed })
    }

    /// A whole lock for cargo to choose from.
    pub(crate) fn whole(&self) -> Result<Lock> {
        let project = Lock::read(&self.project)?;
        // The project may have moved on since they were added.
        let added = self.added().beside(&project);
        Ok(Lock::union(&[&self.session(), &project, &added]))
    }

    /// Keeps what cargo has chosen for this manifest; returns whether anything is new.
    pub(crate) fn keep(&self, lock_file: &Path, manifest: &Path) -> Result<bool> {
        let text = fs::read_to_string(lock_file)
            .with_context(|| format!("cannot read {}", lock_file.display()))?;
        if fs::read_to_string(&self.session).is_ok_and(|there| there == text) {
            self.keep_manifest(manifest)?;
            return Ok(false);
        }
        let (before, chosen) = (self.session(), Lock::parse(&text)?);
        fs::write(&self.session, text)
            .with_context(|| format!("cannot write {}", self.session.display()))?;
        self.keep_manifest(manifest)?;
        let project = Lock::read(&self.project)?;
        // What the session had before, another kernel may have in a newer version by now.
        let new = chosen.beside(&project).without(&before).without(&self.installed());
        if new.is_in(&self.added()) {
            return Ok(true);
        }
        // Other kernels of this checkout add crates, too.
        let guard = self.added.with_extension("guard");
        let guard =
            File::create(&guard).with_context(|| format!("cannot make {}", guard.display()))?;
        guard.lock().context("cannot lock the list of added crates")?;
        Lock::union(&[&new, &readable(&self.added)]).beside(&project).write(&self.added)?;
        Ok(true)
    }

    /// A session begins, with this manifest.
    pub(crate) fn begin(&self, manifest: &Path) -> Result<()> {
        match fs::remove_file(&self.session) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove {}", self.session.display()));
            }
            _ => {}
        }
        self.keep_manifest(manifest)
    }

    fn keep_manifest(&self, manifest: &Path) -> Result<()> {
        fs::copy(manifest, &self.manifest)
            .with_context(|| format!("cannot write {}", self.manifest.display()))?;
        Ok(())
    }

    /// The manifest of the cells that were compiled last.
    pub(crate) fn manifest(&self) -> Option<String> {
        fs::read_to_string(&self.manifest).ok()
    }

    /// The newest version of a package that the project or someone in this checkout uses.
    pub(crate) fn newest(&self, name: &str) -> Option<String> {
        let project = Lock::read(&self.project).unwrap_or_default();
        Lock::union(&[&project, &self.added()]).newest(name)
    }

    /// Nothing if the project's versions were changed since, or if its writing was cut short.
    fn session(&self) -> Lock {
        let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
        if changed(&self.session) < changed(&self.project) {
            return Lock::default();
        }
        Lock::read(&self.session).unwrap_or_default()
    }

    /// What was added, here and to the installation.
    fn added(&self) -> Lock {
        Lock::union(&[&readable(&self.added), &self.installed()])
    }

    fn installed(&self) -> Lock {
        self.installed.as_deref().map(readable).unwrap_or_default()
    }
}

/// An unreadable list is no reason to stop: its crates are looked for again.
fn readable(list: &Path) -> Lock {
    Lock::read(list).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        Lock::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(packages: &[(&str, &str)]) -> String {
        let package = |(name, version)| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+r\"\n"
            )
        };
        packages.iter().copied().map(package).collect()
    }

    /// Those of one of the build directories in `folder`.
    fn own(folder: &Path, name: &str) -> Versions {
        let own = folder.join(name);
        fs::create_dir_all(&own).unwrap();
        Versions {
            project: folder.join("Cargo.lock"),
            session: own.join(SESSION),
            manifest: own.join(MANIFEST),
            added: folder.join(ADDED),
            installed: None,
        }
    }

    fn versions(folder: &Path, project: &[(&str, &str)]) -> Versions {
        fs::write(folder.join("Cargo.lock"), text(project)).unwrap();
        fs::write(folder.join("Cargo.toml"), "").unwrap();
        own(folder, "0")
    }

    #[test]
    fn an_emptied_lock_is_filled_again() {
        let folder = tempfile::tempdir().unwrap();
        let versions = versions(folder.path(), &[("zip", "9.8.1"), ("anyhow", "1.0.1")]);
        let lock_file = folder.path().join("0/Cargo.lock");
        fs::write(&lock_file, text(&[])).unwrap();
        versions.whole().unwrap().write(&lock_file).unwrap();
        assert_eq!(Lock::read(&lock_file).unwrap().version("zip").unwrap(), "9.8.1");
    }

    #[test]
    fn what_was_added_stays_and_gives_way_to_the_projects_versions() {
        let folder = tempfile::tempdir().unwrap();
        let kept = versions(folder.path(), &[("zip", "9.8.1")]);
        let lock_file = folder.path().join("0/Cargo.lock");
        let put = |versions: &Versions| {
            versions.whole().unwrap().write(&lock_file).unwrap();
            Lock::read(&lock_file).unwrap()
        };
        fs::write(&lock_file, text(&[("zip", "9.8.2"), ("itertools", "0.14.0")])).unwrap();
        kept.keep(&lock_file, &folder.path().join("Cargo.toml")).unwrap();
        // In this session the other version goes on; in the next one the project's is back.
        assert_eq!(put(&kept).version("zip").unwrap(), "9.8.2");
        kept.begin(&folder.path().join("Cargo.toml")).unwrap();
        assert_eq!(put(&kept).version("zip").unwrap(), "9.8.1");
        assert_eq!(put(&kept).version("itertools").unwrap(), "0.14.0");
        // The project comes to use the crate itself.
        let kept = versions(folder.path(), &[("itertools", "0.14.5")]);
        assert_eq!(put(&kept).version("itertools").unwrap(), "0.14.5");
        // A newer version that someone asked for takes the older one's place.
        let kept = versions(folder.path(), &[]);
        fs::write(&lock_file, text(&[("itertools", "0.14.9")])).unwrap();
        kept.keep(&lock_file, &folder.path().join("Cargo.toml")).unwrap();
        kept.begin(&folder.path().join("Cargo.toml")).unwrap();
        assert_eq!(put(&kept).version("itertools").unwrap(), "0.14.9");
    }

    #[test]
    fn what_an_installation_has_is_used_until_someone_adds_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let installed = folder.path().join("installation.lock");
        fs::write(&installed, text(&[("zip", "9.8.1"), ("itertools", "0.14.0")])).unwrap();
        let mut own = versions(folder.path(), &[("zip", "9.8.0")]);
        own.installed = Some(installed);
        let version = |own: &Versions, name: &str| own.whole().unwrap().version(name).unwrap();
        assert_eq!(
            (version(&own, "zip"), version(&own, "itertools")),
            ("9.8.0".into(), "0.14.0".into())
        );
        let lock_file = folder.path().join("0/Cargo.lock");
        fs::write(&lock_file, text(&[("itertools", "0.14.9")])).unwrap();
        own.keep(&lock_file, &folder.path().join("Cargo.toml")).unwrap();
        own.begin(&folder.path().join("Cargo.toml")).unwrap();
        assert_eq!(version(&own, "itertools"), "0.14.9");
    }

    #[test]
    fn kernels_that_add_crates_at_once_lose_none() {
        let folder = tempfile::tempdir().unwrap();
        versions(folder.path(), &[]);
        std::thread::scope(|scope| {
            for i in 0..8 {
                let folder = folder.path();
                scope.spawn(move || {
                    let versions = own(folder, &i.to_string());
                    let lock_file = folder.join(i.to_string()).join("Cargo.lock");
                    for j in 0..5 {
                        let name = format!("crate-{i}-{j}");
                        fs::write(&lock_file, text(&[(&name, "1.0.0")])).unwrap();
                        versions.keep(&lock_file, &folder.join("Cargo.toml")).unwrap();
                    }
                });
            }
        });
        let added = fs::read_to_string(folder.path().join(ADDED)).unwrap();
        assert_eq!(added.matches("[[package]]").count(), 40, "{added}");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let versions = versions(folder.path(), &[("zip", "9.8.1")]);
        fs::write(folder.path().join(ADDED), "half a fi").unwrap();
        let lock_file = folder.path().join("0/Cargo.lock");
        versions.whole().unwrap().write(&lock_file).unwrap();
        fs::write(&lock_file, text(&[("itertools", "0.14.0")])).unwrap();
        versions.keep(&lock_file, &folder.path().join("Cargo.toml")).unwrap();
        assert!(Lock::read(&folder.path().join(ADDED)).unwrap().version("itertools").is_some());
    }
}
