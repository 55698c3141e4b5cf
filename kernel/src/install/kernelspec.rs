//! What Jupyter reads to start the kernel: `kernel.json` and the logos.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use twoviews_constants::variable::BUILD_DIRECTORY;

const FILE: &str = "kernel.json";
const PROGRAM: &str = env!("CARGO_BIN_NAME");
/// In the kernelspec's metadata: who has written it.
const MARK: &str = "twoviews_kernel";
/// Behind the mark: the first folder that was made for it.
const MADE: &str = "made";

const LOGOS: [(&str, &[u8]); 3] = [
    (
        "logo-svg.svg",
        include_bytes!("../../wheel/data/share/jupyter/kernels/twoviews/logo-svg.svg"),
    ),
    (
        "logo-64x64.png",
        include_bytes!("../../wheel/data/share/jupyter/kernels/twoviews/logo-64x64.png"),
    ),
    (
        "logo-32x32.png",
        include_bytes!("../../wheel/data/share/jupyter/kernels/twoviews/logo-32x32.png"),
    ),
];

/// A kernel as Jupyter knows it.
pub(crate) struct Kernelspec {
    pub display_name: String,
    pub program: PathBuf,
    pub environment: BTreeMap<String, String>,
}

/// Who has written what stands in a kernel's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    This,
    Other,
}

impl Kernelspec {
    /// `made` is the first folder that had to be made.
    fn json(&self, made: Option<&Path>) -> Value {
        let mut json = json!({
            "argv": [self.program, "--control_file", "{connection_file}"],
            "display_name": self.display_name,
            "language": "rust",
            "interrupt_mode": "message",
            "env": self.environment,
            "metadata": {MARK: {"version": env!("CARGO_PKG_VERSION")}},
        });
        if let Some(made) = made {
            json["metadata"][MARK][MADE] = json!(made);
        }
        json
    }

    /// Writes the folder, which appears as a whole or stays as it was.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let kernels = folder.parent().context("a kernel's folder lies in another one")?;
        let name = folder.file_name().context("a kernel's folder has a name")?.to_string_lossy();
        let new = kernels.join(format!(".{name}.{}.tmp", std::process::id()));
        let missing = kernels.ancestors().take_while(|folder| !folder.exists()).last();
        let made = made(folder).or_else(|| missing.map(Path::to_owned));
        let written = self.write_to(&new, made.as_deref()).and_then(|()| {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            Ok(fs::rename(&new, folder)?)
        });
        if written.is_err() {
            let _ = fs::remove_dir_all(&new);
            remove_made(folder, made.as_deref());
        }
        written.with_context(|| {
            format!("{} cannot be written: choose another place or free the disk", folder.display())
        })
    }

    fn write_to(&self, folder: &Path, made: Option<&Path>) -> Result<()> {
        fs::create_dir_all(folder)?;
        for (name, content) in LOGOS {
            fs::write(folder.join(name), content)?;
        }
        fs::write(folder.join(FILE), serde_json::to_string_pretty(&self.json(made))? + "\n")?;
        Ok(())
    }
}

fn read(folder: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(folder.join(FILE)).ok()?).ok()
}

/// Who has written a kernel's folder.
pub(crate) fn owner(folder: &Path) -> Result<Owner> {
    if !folder.try_exists().with_context(|| folder.display().to_string())? {
        return Ok(Owner::Nobody);
    }
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
        return Ok(Owner::Nobody);
    }
    let is_own = read(folder).is_some_and(|json| {
        // Before there was a mark.
        let program = json["argv"][0].as_str().unwrap_or_default();
        json["metadata"].get(MARK).is_some()
            || Path::new(program).file_name() == Some(PROGRAM.as_ref())
    });
    Ok(if is_own { Owner::This } else { Owner::Other })
}

/// The first folder that was made for a kernel's, if any was.
pub(crate) fn made(folder: &Path) -> Option<PathBuf> {
    Some(read(folder)?["metadata"][MARK][MADE].as_str()?.into())
}

/// Removes the folders around a kernel's that were made for it, where nothing else is in them now.
pub(crate) fn remove_made(folder: &Path, made: Option<&Path>) {
    let Some(made) = made else { return };
    let around = folder.ancestors().skip(1).take_while(|it| it.starts_with(made));
    for folder in around {
        let _ = fs::remove_dir(folder);
    }
}

/// The build directory that a kernel names, if it is not the account's.
pub(crate) fn build_directory(folder: &Path) -> Option<PathBuf> {
    Some(read(folder)?["env"][BUILD_DIRECTORY].as_str()?.into())
}

/// The program that a kernel starts. A wheel's kernel names it from its own folder.
pub(crate) fn program(folder: &Path) -> Option<PathBuf> {
    let json = read(folder)?;
    let program = json["argv"][0].as_str()?;
    Some(program.replace("{resource_dir}", &folder.to_string_lossy()).into())
}

/// The kernels of this program in a folder of kernels.
fn own(kernels: &Path) -> impl Iterator<Item = PathBuf> {
    let folders = fs::read_dir(kernels).into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter(|folder| matches!(owner(folder), Ok(Owner::This)))
}

/// Whether a folder of kernels holds one of this program.
pub(crate) fn any_of_this_in(kernels: &Path) -> bool {
    own(kernels).next().is_some()
}

/// Whether a folder of kernels holds one of this program that uses the account's build directories.
pub(crate) fn any_in(kernels: &Path) -> bool {
    own(kernels).any(|folder| build_directory(&folder).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Kernelspec {
        let environment = BTreeMap::from([("A".to_owned(), "ü \"x\"".to_owned())]);
        Kernelspec {
            display_name: "Rust".into(),
            program: "/p/twoviews-kernel".into(),
            environment,
        }
    }

    #[test]
    fn jupyter_finds_what_it_needs() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("share/jupyter/kernels/x");
        assert_eq!(owner(&folder).unwrap(), Owner::Nobody);
        spec().write(&folder).unwrap();
        let json = read(&folder).unwrap();
        assert_eq!(json["argv"][0], "/p/twoviews-kernel");
        assert_eq!(json["argv"][2], "{connection_file}");
        assert_eq!(
            (json["language"].as_str(), json["interrupt_mode"].as_str()),
            (Some("rust"), Some("message"))
        );
        assert_eq!(json["env"]["A"], "ü \"x\"");
        for (name, content) in LOGOS {
            assert_eq!(fs::read(folder.join(name)).unwrap(), content);
        }
        assert_eq!(owner(&folder).unwrap(), Owner::This);
        assert!(any_in(folder.parent().unwrap()));
        // Again, over itself; nothing else stays beside it.
        fs::write(folder.join("old"), "").unwrap();
        spec().write(&folder).unwrap();
        assert!(!folder.join("old").exists());
        assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);
        // It knows to the end which folders are there because of it.
        let share = place.path().join("share");
        assert_eq!(made(&folder), Some(share.clone()));
        fs::write(share.join("jupyter/others"), "").unwrap();
        fs::remove_dir_all(&folder).unwrap();
        remove_made(&folder, Some(&share));
        assert!(share.join("jupyter/others").is_file() && !share.join("jupyter/kernels").exists());
        spec().write(&folder).unwrap();
        assert_eq!(made(&folder), Some(share.join("jupyter/kernels")));
    }

    #[test]
    fn a_kernel_of_others_is_known_as_such() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(owner(folder.path()).unwrap(), Owner::Nobody);
        for text in ["{\"argv\": [\"evcxr_jupyter\"]}", "no json"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(owner(folder.path()).unwrap(), Owner::Other);
        }
        // What the wheel brings: the same, but for the place and the version.
        let wheel = Path::new("wheel/data/share/jupyter/kernels/twoviews");
        assert_eq!(owner(wheel).unwrap(), Owner::This);
        assert!(program(wheel).unwrap().ends_with("twoviews/../../../../bin/twoviews-kernel"));
        let mut own = Kernelspec { environment: BTreeMap::new(), ..spec() }.json(None);
        own["argv"][0] = "{resource_dir}/../../../../bin/twoviews-kernel".into();
        own["metadata"][MARK]["version"] = "wheel".into();
        assert_eq!(read(wheel), Some(own));
        let old = "{\"argv\": [\"/a/twoviews-kernel\", \"--control_file\"]}";
        fs::write(folder.path().join(FILE), old).unwrap();
        assert_eq!(owner(folder.path()).unwrap(), Owner::This);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        let error = spec().write(&place.path().join("file/x")).unwrap_err();
        assert!(format!("{error:#}").contains("file/x cannot be written"), "{error:#}");
    }
}
