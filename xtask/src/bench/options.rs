//! The options of `cargo xtask bench`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use twoviews_constants::variable;

/// What `cargo xtask bench` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether both sides are measured in turn.
    pub(crate) reference: bool,
    /// Only stages whose name begins with one of these.
    pub(crate) stages: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) threads: usize,
    pub(crate) workers: usize,
    /// Folder with CIFAR-10.
    pub(crate) cifar: Option<PathBuf>,
    pub(crate) checkpoint: Option<PathBuf>,
    /// `.npz` with `xtr` and `ytr`, for the probe.
    pub(crate) features: Option<PathBuf>,
    /// Only benches of parts whose name contains this.
    pub(crate) filter: Option<String>,
}

impl Options {
    /// Reads the arguments behind `bench`.
    pub fn parse(arguments: &[&str]) -> Result<Self> {
        let data = std::env::var_os(variable::DATA).filter(|folder| !folder.is_empty());
        let mut options = Self {
            reference: false,
            stages: Vec::new(),
            rounds: 5,
            threads: 2,
            workers: 2,
            cifar: data.map(PathBuf::from),
            checkpoint: None,
            features: None,
            filter: None,
        };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("{argument} needs a value"));
            let mut number = || -> Result<usize> {
                let text = value()?;
                match text.parse() {
                    Ok(number) if number > 0 => Ok(number),
                    _ => bail!("{argument} {text}: a whole number of at least 1"),
                }
            };
            match argument {
                // Its name in earlier versions.
                "--reference" | "--peer" => options.reference = true,
                "--rounds" => options.rounds = number()?,
                "--threads" => options.threads = number()?,
                "--workers" => options.workers = number()?,
                "--stage" => options.stages.push((*value()?).to_owned()),
                "--data" => options.cifar = Some(absolute(value()?)?),
                "--checkpoint" => options.checkpoint = Some(absolute(value()?)?),
                "--features" => options.features = Some(absolute(value()?)?),
                filter if !filter.starts_with('-') => options.filter = Some(filter.to_owned()),
                other => bail!(
                    "bench does not know {other:?}: FILTER, or --reference with --stage NAME, --rounds N, \
                     --threads N, --workers N, --data DIR, --checkpoint FILE, --features FILE"
                ),
            }
        }
        Ok(options)
    }
}

fn absolute(path: &str) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_refused() {
        let options = Options::parse(&["--reference", "--stage", "step", "--rounds", "3"]).unwrap();
        assert!(options.reference && options.stages == ["step"] && options.rounds == 3);
        assert!(Options::parse(&["--peer"]).unwrap().reference);
        assert!(Options::parse(&["--rounds", "0"]).unwrap_err().to_string().contains("at least 1"));
        assert!(Options::parse(&["--stage"]).unwrap_err().to_string().contains("--stage"));
        assert!(Options::parse(&["--fast"]).unwrap_err().to_string().contains("--fast"));
        assert_eq!(Options::parse(&["views"]).unwrap().filter.as_deref(), Some("views"));
    }
}
