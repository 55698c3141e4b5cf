//! The arguments behind `cargo xtask image`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// What the installation has, and where it lies.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Where it is made, and must stay: the paths are compiled in.
    pub folder: PathBuf,
    /// With what JupyterHub starts for a learner, and nbgrader.
    pub hub: bool,
    /// A folder with CIFAR-10.
    pub data: Option<PathBuf>,
    /// A folder of the model hub's cache.
    pub weights: Option<PathBuf>,
    /// More crates that cells can use: lines as in the `[dependencies]` of a `Cargo.toml`.
    pub crates: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments behind `image`; paths are those of the folder `here`.
    pub fn parse(arguments: &[&str], here: &Path) -> Result<Self> {
        let mut options = Self::default();
        let mut words = arguments.iter();
        while let Some(&word) = words.next() {
            let place = match word {
                "--hub" => {
                    options.hub = true;
                    continue;
                }
                "--data" => &mut options.data,
                "--weights" => &mut options.weights,
                "--crates" => &mut options.crates,
                other if other.starts_with('-') => {
                    bail!(
                        "image does not know {other:?}: --hub, --data DIR, --weights DIR, --crates FILE"
                    )
                }
                folder if options.folder.as_os_str().is_empty() => {
                    options.folder = here.join(folder);
                    continue;
                }
                other => bail!("image makes one folder, and {other:?} is a second one"),
            };
            let path = words.next().with_context(|| format!("{word} needs a path behind it"))?;
            let path = here.join(path);
            ensure!(path.exists(), "{word} {}: it is not there", path.display());
            *place = Some(path);
        }
        ensure!(
            !options.folder.as_os_str().is_empty(),
            "image needs a folder: cargo xtask image DIR"
        );
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_present_folder() {
        let here = tempfile::tempdir().unwrap();
        std::fs::create_dir(here.path().join("cifar10")).unwrap();
        let parsed =
            |text: &str| Options::parse(&text.split_whitespace().collect::<Vec<_>>(), here.path());
        let options = parsed("--hub course --data cifar10").unwrap();
        assert_eq!((options.hub, options.folder), (true, here.path().join("course")));
        assert_eq!(options.data, Some(here.path().join("cifar10")));
        assert_eq!(parsed("/opt/twoviews").unwrap().folder, Path::new("/opt/twoviews"));
        for (text, says) in [
            ("", "needs a folder"),
            ("a b", "\"b\" is a second one"),
            ("a --hubs", "\"--hubs\""),
            ("a --data", "--data needs a path"),
            ("a --crates list.toml", "list.toml: it is not there"),
        ] {
            let error = parsed(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
