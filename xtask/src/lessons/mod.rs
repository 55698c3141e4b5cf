//! The lessons: running one without a browser, and opening them in one.

pub mod lesson;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};
use twoviews_constants::variable;

use self::lesson::Lesson;
use crate::say::say;
use crate::{folders, notebook, paths, tools};

/// What `cargo xtask tutorial` was asked for.
#[derive(Debug)]
pub struct Options {
    lesson: Lesson,
    /// The lesson after it.
    next: Option<Lesson>,
    quick: bool,
    out: PathBuf,
}

impl Options {
    /// Reads the arguments behind `tutorial`.
    pub fn parse(arguments: &[&str]) -> Result<Self> {
        let lessons = all()?;
        let (mut wanted, mut quick, mut out) = (None, false, paths::root().join("target/tutorial"));
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "--quick" => quick = true,
                "--out" => match arguments.next() {
                    Some(folder) => out = std::env::current_dir()?.join(folder),
                    None => bail!("--out needs a folder"),
                },
                _ if argument.starts_with('-') || wanted.is_some() => {
                    bail!("tutorial does not know {argument:?}: a lesson, --quick, --out DIR")
                }
                _ => wanted = Some(argument),
            }
        }
        let found = match wanted {
            Some(wanted) => lesson::select(&lessons, wanted)?,
            None => vec![&lessons[0]],
        };
        ensure!(
            found.len() == 1,
            "{:?} fits {}: name one",
            wanted.unwrap_or_default(),
            found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(" and ")
        );
        let next = lessons.iter().skip_while(|it| it.name != found[0].name).nth(1).cloned();
        Ok(Self { lesson: found[0].clone(), next, quick, out })
    }
}

/// All lessons, in their order.
pub fn all() -> Result<Vec<Lesson>> {
    lesson::all(&paths::root().join("notebooks"))
}

/// Executes a lesson and says where the result lies.
pub fn tutorial(options: &Options) -> Result<()> {
    let (lesson, out) = (&options.lesson, &options.out);
    say(&format!("running {}: {}", lesson.name, expense(lesson)));
    let quick = if options.quick { "1" } else { "" };
    notebook::run(&lesson.path, out, &[(variable::QUICK, quick)])?;
    if let Some(figure) = lesson.figure() {
        println!("figure: {}", out.join(figure).with_extension("svg").display());
    }
    println!("next: cargo xtask lab opens the lessons");
    if let Some(next) = &options.next {
        println!(
            "      cargo xtask tutorial {} runs the next one: {}",
            next.number(),
            expense(next)
        );
    }
    Ok(())
}

/// What a lesson takes.
fn expense(lesson: &Lesson) -> String {
    let time = lesson.takes().unwrap_or("some minutes");
    match (lesson.downloads(), lesson.download_size()) {
        (false, _) => format!("{time}, nothing to download"),
        (true, Some(size)) => format!("{time}, {size} to download once"),
        (true, None) => format!("{time}; its data and weights are downloaded once"),
    }
}

/// Defaults of this project's JupyterLab, which its settings editor can change: it asks nobody for news, whose
/// first question would cover the lesson.
const LAB_SETTINGS: &str = r#"{
  "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}
}
"#;

/// Options of JupyterLab: its address and what goes wrong, nothing else.
const LAB_OPTIONS: [&str; 3] = [
    "--log-level=WARN",
    "--LanguageServerManager.autodetect=False",
    "--LabApp.extension_manager=readonly",
];

/// Opens JupyterLab on the first lesson.
pub fn lab() -> Result<()> {
    settle(&paths::venv(""))?;
    let first = all()?.swap_remove(0);
    say("starting JupyterLab; stop it with Ctrl-C");
    let mut command = Command::new(paths::python());
    tools::forget_package(&mut command);
    command.args(["-m", "jupyterlab"]).args(LAB_OPTIONS).arg(&first.path);
    tools::run(command.current_dir(paths::root().join("notebooks")))
}

/// Gives the JupyterLab of an environment its settings.
pub(crate) fn settle(environment: &Path) -> Result<()> {
    let settings = environment.join("share/jupyter/lab/settings");
    std::fs::create_dir_all(&settings)?;
    folders::atomic_write(&settings.join("overrides.json"), LAB_SETTINGS.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_asked_for_by_number_or_name() {
        for (wanted, name) in [
            (vec![], "00_quickstart"),
            (vec!["quickstart"], "00_quickstart"),
            (vec!["01"], "01_decoupled_contrastive_learning"),
            (vec!["cifar10"], "01_decoupled_contrastive_learning"),
        ] {
            assert_eq!(Options::parse(&wanted).unwrap().lesson.name, name);
        }
        let next = Options::parse(&["00"]).unwrap().next.unwrap();
        assert!(
            next.name.starts_with("01_") && expense(&next).contains("MB"),
            "{}",
            expense(&next)
        );
        let last = all().unwrap().pop().unwrap();
        assert!(Options::parse(&[&last.name]).unwrap().next.is_none());
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options = Options::parse(&["cifar10", "--quick", "--out", "/tmp/x"]).unwrap();
        assert!(options.quick && options.out == *"/tmp/x");
        for (wrong, part) in [
            (vec!["--fast"], "--fast"),
            (vec!["--out"], "folder"),
            (vec!["00", "01"], "\"01\""),
            (vec!["99"], "00_quickstart"),
            (vec!["0"], "00_quickstart and 01_"),
        ] {
            let message = Options::parse(&wrong).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
