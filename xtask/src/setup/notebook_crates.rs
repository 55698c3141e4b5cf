//! The crates that notebooks load, compiled beforehand.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use twoviews_constants::file;

use super::library::Library;
use super::{build_directories, builds};
use crate::say::say;
use crate::{folders, notebook, paths, tools};

/// Runs the smallest notebook, which compiles everything that the lessons need.
pub(super) fn ensure() -> Result<()> {
    let (root, folder) = (paths::root(), paths::build_directory());
    let stamp = folder.join(file::STAMP);
    let compiler = tools::compiler()?;
    let library = Library::read(&root);
    let profile = profile(&library.names);
    // The crates know where the project and libtorch lie.
    let made_by = format!("{compiler}{profile}{}\n", root.display());
    let built = fs::metadata(&stamp).and_then(|data| data.modified());
    let before = fs::read_to_string(&stamp);
    if before.as_ref().is_ok_and(|text| *text == made_by)
        && built.is_ok_and(|built| library.changed() < built)
    {
        return Ok(());
    }
    if build_directories::is_used(&folder) {
        // The smallest notebook would be built in another folder, and this one taken for compiled.
        say(
            "a notebook is open in .slots/0: the crates are compiled there by the first set-up after \
             it is closed, and until then by each notebook's first cell",
        );
        return Ok(());
    }
    say("compiling the notebooks' crates into .slots (three to five minutes the first time)");
    // A kernel that was used before everything was there leaves an empty file.
    if before.is_ok_and(|text| text.starts_with("rustc ") && !text.starts_with(&compiler)) {
        say("rustc has changed: what another one has compiled is removed first");
        build_directories::empty()?;
    }
    // The kernel keeps to the versions of Cargo.lock; all must be here, those for other systems
    // included, because evcxr reads the whole graph.
    let mut fetch = Command::new("cargo");
    tools::run(fetch.current_dir(&root).args(["fetch", "--quiet", "--locked"]))?;
    fs::create_dir_all(&folder).context("creating .slots")?;
    fs::write(paths::build_directories().join(".gitignore"), "*\n")?;
    let configuration = paths::build_directories().join(".cargo");
    fs::create_dir_all(&configuration)?;
    fs::write(configuration.join("config.toml"), profile)
        .context("writing cargo's configuration for the notebooks")?;
    builds::resume(
        &paths::build_directories().join("unfinished"),
        build_directories::empty,
        || {
            let out = root.join("target/smoke");
            notebook::run(&root.join("tests/notebooks/smoke.ipynb"), &out, &[])
        },
    )?;
    folders::atomic_write(&stamp, made_by.as_bytes())
}

/// Profiles for the build directories; cargo reads the configuration of every parent folder.
///
/// Not optimised are C++ glue and a compressor that no notebook calls in a loop, little are thin calls of libtorch and
/// what downloads are encrypted with. The library's own crates are compiled as they are released: checks of their
/// arithmetic cost a fifth of the time of encoding.
fn profile(own: &[String]) -> String {
    let mut text = "[profile.dev.package]\n\
                    torch-sys = { opt-level = 0 }\n\
                    zstd-sys = { opt-level = 0 }\n\
                    tch = { opt-level = 1 }\n\
                    rustls = { opt-level = 1 }\n\
                    ureq = { opt-level = 1 }\n\
                    ureq-proto = { opt-level = 1 }\n"
        .to_owned();
    for name in own {
        let _ = writeln!(
            text,
            "{name} = {{ opt-level = 3, debug-assertions = false, overflow-checks = false }}"
        );
    }
    text
}
