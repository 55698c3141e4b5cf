//! `cargo xtask gallery`: executes the lessons and makes a site of them.

mod checks;
mod digest;
mod execution;
mod experiments;
mod fake_hub;
mod figures;
mod page;
mod program;
mod prose;
mod site;
mod statements;
mod texts;

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use self::execution::{Execution, Setting};
use self::fake_hub::FakeHub;
use self::site::Folders;
use xtask::lessons::{self, lesson, lesson::Lesson};
use xtask::say::say;
use xtask::{folders, paths, setup, tools};

/// Environment variables for a lesson.
type Variables = Vec<(&'static str, String)>;

/// What `cargo xtask gallery` was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    force: bool,
    only: Option<String>,
    quick: bool,
    fake_hub: bool,
    serve: bool,
    check: bool,
    solutions: bool,
    look: bool,
    limit: Option<f64>,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument {
                "--force" => options.force = true,
                "--quick" => options.quick = true,
                "--fake-hub" => options.fake_hub = true,
                "--serve" => options.serve = true,
                "--check" => options.check = true,
                "--solutions" => options.solutions = true,
                "--look" => options.look = true,
                "--only" => options.only = Some((*value()?).to_owned()),
                "--limit" => {
                    let text = *value()?;
                    let minutes = text
                        .parse()
                        .ok()
                        .filter(|&minutes: &f64| minutes > 0.0 && minutes.is_finite());
                    options.limit =
                        Some(minutes.with_context(|| format!("--limit {text}: minutes above 0"))?);
                }
                other => bail!(
                    "gallery does not know {other:?}: --force, --only LESSON, --quick, --fake-hub, \
                     --limit MINUTES, --check, --look, --solutions, --serve"
                ),
            }
        }
        Ok(options)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let made = paths::check().and_then(|()| run(&Options::parse(&arguments)?));
    if let Err(error) = made {
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
}

/// Executes what is out of date and builds the site. Fails in the end if a lesson did, or if a page shows
/// code that is no longer the lesson's.
fn run(options: &Options) -> Result<()> {
    let lessons = lessons::all()?;
    let folders = Folders::new(options.quick);
    let alone = folders.alone()?;
    let wanted = match &options.only {
        Some(name) => lesson::select(&lessons, name)?,
        None => lessons.iter().collect(),
    };
    let setting =
        Setting { quick: options.quick, fake_hub: options.fake_hub, limit: options.limit };
    let mut problems = Vec::new();
    for lesson in &wanted {
        let faults = prose::faults(&lesson.notebook);
        problems.extend(faults.into_iter().map(|fault| format!("{}, cell {fault}", lesson.name)));
    }
    problems.extend(execute(&wanted, &setting, &folders, options.force)?);
    let (pages, drifted) = pages(&lessons, &wanted, &folders).map_err(|error| {
        if problems.is_empty() { error } else { error.context(problems.join("\n")) }
    })?;
    problems.extend(drifted);
    ensure!(
        !pages.is_empty(),
        "no lesson was executed, so there is nothing to show: {}",
        problems.join("; ")
    );
    site::build(&folders, &pages, options.force)?;
    println!("site: {}", folders.site().join("index.html").display());
    if options.check {
        checks::programs(&folders, &wanted, &setting)?;
    }
    if options.solutions {
        checks::solutions(&wanted, &setting)?;
    }
    if options.look {
        checks::look(&folders)?;
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    drop(alone);
    if options.serve { serve(&folders) } else { Ok(()) }
}

/// Runs the lessons that are out of date, and says which failed.
fn execute(
    lessons: &[&Lesson],
    setting: &Setting,
    folders: &Folders,
    force: bool,
) -> Result<Vec<String>> {
    // Before asking what is due: that depends on the libtorch which set-up brings.
    setup::run()?;
    let everything = execution::everything(&paths::root())?;
    let mut problems = Vec::new();
    for lesson in lessons {
        let (kept, key) = (folders.executed(lesson), execution::key(lesson, setting, &everything));
        folders::restore(&kept)?;
        let before = Execution::read(&kept).unwrap_or_else(|error| {
            say(&format!("{} runs again, because its last run is damaged: {error:#}", lesson.name));
            None
        });
        if !execution::is_due(before.as_ref(), &key, force) {
            say(&format!("{} is up to date", lesson.name));
            continue;
        }
        say(&format!("running {}", lesson.name));
        let begin = Instant::now();
        let (_server, environment) = sources(lesson, setting)?;
        let failed = folders.failed(lesson);
        match execution::execute(lesson, setting, &key, &kept, &failed, &environment) {
            Ok(()) => say(&format!("{} took {:.0} s", lesson.name, begin.elapsed().as_secs_f64())),
            Err(error) => {
                eprintln!("error: {error:#}");
                let page =
                    if kept.is_dir() { "its page stays as it was" } else { "it has no page yet" };
                problems.push(format!("{} failed; {page}", lesson.name));
            }
        }
    }
    Ok(problems)
}

/// The lessons that were executed, each with its last run, and those of `wanted` whose code has changed since.
fn pages(
    lessons: &[Lesson],
    wanted: &[&Lesson],
    folders: &Folders,
) -> Result<(Vec<(Lesson, Execution)>, Vec<String>)> {
    let (mut pages, mut drifted) = (Vec::new(), Vec::new());
    for lesson in lessons {
        let name = &lesson.name;
        let kept = Execution::read(&folders.executed(lesson)).with_context(|| {
            format!(
                "the last run of {name} is damaged, so the site stays as it was: cargo xtask gallery \
                 --only {name} runs it again"
            )
        })?;
        let Some(execution) = kept else {
            say(&format!(
                "{name} was not executed yet and has no page: cargo xtask gallery --only {name}"
            ));
            continue;
        };
        if let Some(cell) = lesson::drift(&lesson.notebook, &execution.notebook) {
            let problem = format!(
                "{name}: the code of cell {cell} is no longer that of the run which its page shows"
            );
            // Those that were not asked for may wait.
            if wanted.iter().any(|it| it.name == *name) {
                drifted.push(problem)
            } else {
                say(&problem)
            }
        }
        pages.push((lesson.clone(), execution));
    }
    Ok((pages, drifted))
}

/// The fake hub, if the lesson wants it, and the variables that lead to it.
fn sources(lesson: &Lesson, setting: &Setting) -> Result<(Option<FakeHub>, Variables)> {
    if !(setting.fake_hub && lesson.downloads()) {
        return Ok((None, Vec::new()));
    }
    let server = FakeHub::start()?;
    let environment = server.environment(setting.quick);
    Ok((Some(server), environment))
}

/// Shows the site on this machine until Ctrl-C.
fn serve(folders: &Folders) -> Result<()> {
    println!("http://127.0.0.1:8000, until Ctrl-C");
    let mut server = Command::new(site::python()?);
    server.args(["-m", "http.server", "8000", "--bind", "127.0.0.1", "--directory"]);
    tools::run(server.arg(folders.site()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options =
            Options::parse(&["--only", "00", "--quick", "--limit", "2.5", "--serve"]).unwrap();
        let wanted = Options {
            only: Some("00".into()),
            quick: true,
            limit: Some(2.5),
            serve: true,
            ..Options::default()
        };
        assert_eq!(options, wanted);
        for wrong in [["--fast", ""], ["--limit", "0"], ["--limit", "x"], ["--limit", "inf"]] {
            let message = Options::parse(&wrong).unwrap_err().to_string();
            assert!(message.contains(wrong[0]), "{message}");
        }
        assert!(Options::parse(&["--only"]).is_err());
    }
}
