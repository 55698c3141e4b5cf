//! Running notebooks without a browser, and opening them in one.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use twoviews_constants::variable;

use crate::say::say;
use crate::{notebook, paths, tools};

/// The notebooks that `cargo xtask tutorial` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lesson {
    /// Shapes10: no download, a few minutes.
    QuickStart,
    /// CIFAR-10, with published weights.
    Cifar10,
}

impl Lesson {
    pub(crate) fn notebook(self) -> PathBuf {
        paths::root().join(match self {
            Self::QuickStart => "notebooks/00_quickstart.ipynb",
            Self::Cifar10 => "notebooks/01_decoupled_contrastive_learning.ipynb",
        })
    }

    /// File name of its main figure, without extension.
    fn figure(self) -> &'static str {
        match self {
            Self::QuickStart => "quickstart",
            Self::Cifar10 => "dcl_vs_simclr",
        }
    }

    fn next(self) -> &'static str {
        match self {
            Self::QuickStart => {
                "cargo xtask lab opens the lessons; cargo xtask tutorial cifar10 does the same on \
                 CIFAR-10 (433 MB to download, ten minutes)"
            }
            Self::Cifar10 => {
                "cargo xtask lab opens the lessons: set load_pretrained = false in 01 and train"
            }
        }
    }
}

/// What `cargo xtask tutorial` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    lesson: Lesson,
    quick: bool,
    out: PathBuf,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let out = paths::root().join("target/tutorial");
        let mut options = Self { lesson: Lesson::QuickStart, quick: false, out };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "quickstart" => options.lesson = Lesson::QuickStart,
                "cifar10" => options.lesson = Lesson::Cifar10,
                "--quick" => options.quick = true,
                "--out" => match arguments.next() {
                    Some(folder) => options.out = std::env::current_dir()?.join(folder),
                    None => bail!("--out needs a folder"),
                },
                other => bail!(
                    "tutorial does not know {other:?}: quickstart or cifar10, --quick, --out DIR"
                ),
            }
        }
        Ok(options)
    }
}

/// Executes the tutorial and says where the result lies.
pub(crate) fn tutorial(options: &Options) -> Result<()> {
    let (lesson, out) = (options.lesson, &options.out);
    say(match lesson {
        Lesson::QuickStart => "running the quick start (about five minutes; nothing to download)",
        Lesson::Cifar10 => "running the CIFAR-10 lesson; its data and weights are downloaded once",
    });
    let quick = if options.quick { "1" } else { "" };
    notebook::run(&lesson.notebook(), out, &[(variable::QUICK, quick)])?;
    println!("figure: {}", out.join(lesson.figure()).with_extension("svg").display());
    println!("next: {}", lesson.next());
    Ok(())
}

/// Opens JupyterLab on the notebooks.
pub(crate) fn lab() -> Result<()> {
    say("starting JupyterLab; stop it with Ctrl-C");
    let folder = paths::root().join("notebooks");
    let mut command = Command::new(paths::python());
    tools::forget_package(&mut command);
    tools::run(command.args(["-m", "jupyterlab"]).current_dir(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lessons_are_there() {
        for lesson in [Lesson::QuickStart, Lesson::Cifar10] {
            assert!(lesson.notebook().is_file(), "{lesson:?}");
        }
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options = Options::parse(&["cifar10", "--quick", "--out", "/tmp/x"]).unwrap();
        let lesson = Lesson::Cifar10;
        assert_eq!(options, Options { lesson, quick: true, out: "/tmp/x".into() });
        assert_eq!(Options::parse(&[]).unwrap().lesson, Lesson::QuickStart);
        assert!(Options::parse(&["--fast"]).unwrap_err().to_string().contains("--fast"));
        assert!(Options::parse(&["--out"]).is_err());
    }
}
