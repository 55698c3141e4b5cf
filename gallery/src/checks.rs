//! The lessons' programs, built and run, and the site in a browser.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use twoviews_constants::variable;

use crate::execution::Setting;
use crate::site::{Folders, formatted};
use crate::{experiments, program};
use xtask::lessons::lesson::Lesson;
use xtask::say::say;
use xtask::{course, folders, notebook, paths, tools};

/// Builds each lesson's program and runs it in its quick setting.
pub(crate) fn programs(folders: &Folders, lessons: &[&Lesson], setting: &Setting) -> Result<()> {
    let root = paths::root();
    for lesson in lessons {
        let program = program::convert(lesson)?;
        let folder = folders.programs().join(&lesson.name);
        fs::create_dir_all(&folder)?;
        let below = |path: &str| root.join("notebooks").join(path).display().to_string();
        // With the project's profiles, what is compiled already need not be compiled again.
        let manifest =
            program.manifest(below) + &profiles(&fs::read_to_string(root.join("Cargo.toml"))?);
        folders::atomic_write(&folder.join("Cargo.toml"), manifest.as_bytes())?;
        folders::atomic_write(&folder.join(&program.file), formatted(&program.source).as_bytes())?;
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        say(&format!("the program of {}", lesson.name));
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&folder)
            .args(["run", "--quiet", "--target-dir"])
            .arg(root.join("target"));
        cargo.env(variable::QUICK, "1").env("LD_LIBRARY_PATH", paths::libtorch().join("lib"));
        let (_server, sources) = crate::sources(lesson, setting)?;
        cargo.envs(sources);
        tools::forget_package(&mut cargo);
        tools::run(&mut cargo).with_context(|| format!("the program of {}", lesson.name))?;
        let shown = fs::read_dir(&folder)?.flatten().filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "svg" || extension == "png")
        });
        ensure!(shown.count() > 0, "the program of {} has saved no figure", lesson.name);
    }
    Ok(())
}

/// Runs the lessons' copies with solutions in their quick setting: each check wants its answer right.
pub(crate) fn solutions(lessons: &[&Lesson], setting: &Setting) -> Result<()> {
    let root = paths::root();
    for source in course::sources(&root.join("notebooks"))? {
        let Some(lesson) = lessons.iter().find(|lesson| lesson.name == source.name) else {
            continue;
        };
        say(&format!("the solutions of {}", source.name));
        let (_server, mut variables) = super::sources(lesson, setting)?;
        variables.push((variable::QUICK, "1".to_owned()));
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        notebook::run(&source.path, &root.join("target/solutions"), &variables)?;
    }
    Ok(())
}

/// Looks at the site in the browsers that are here.
pub(crate) fn look(folders: &Folders) -> Result<()> {
    let place = paths::root().join("site/check");
    if found(&["npm"]).is_none() {
        say("the look in a browser: skipped (no Node.js 20 with npm)");
        return Ok(());
    }
    let mut npm = Command::new("npm");
    tools::run(npm.current_dir(&place).args(["ci", "--no-audit", "--no-fund", "--silent"]))?;
    let mut looks = vec![
        ("Chromium", ["chromium", "google-chrome"], "BROWSER", "look.mjs"),
        ("Firefox", ["firefox-esr", "firefox"], "FIREFOX", "firefox.mjs"),
    ];
    // They are missing where the compiler lacks WebAssembly.
    if experiments::compute_in(&folders.site()) {
        looks.push(("Chromium", ["chromium", "google-chrome"], "BROWSER", "experiments.mjs"));
    }
    looks.push(("JupyterLab in Chromium", ["chromium", "google-chrome"], "BROWSER", "lab.mjs"));
    for (browser, names, variable, script) in looks {
        let Some(program) = std::env::var_os(variable).or_else(|| found(&names)) else {
            say(&format!("the look in {browser}: skipped (it is not here)"));
            continue;
        };
        say(&format!("the look in {browser}: {script}"));
        let mut node = Command::new("node");
        node.current_dir(&place).env(variable, program).env("PYTHON", paths::python());
        node.arg(script).arg(folders.site());
        tools::run(&mut node)?;
    }
    Ok(())
}

/// Where the first of these programs is that is here.
fn found(names: &[&str]) -> Option<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file()).map(OsString::from)
}

/// The profiles of a manifest.
fn profiles(manifest: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[profile");
        }
        if inside {
            text += line;
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_taken_from_a_manifest() {
        let manifest = "[a]\nx = 1\n[profile.dev]\ny = 2\n[b]\nz = 3\n[profile.release]\n";
        assert_eq!(profiles(manifest), "[profile.dev]\ny = 2\n[profile.release]\n");
    }
}
