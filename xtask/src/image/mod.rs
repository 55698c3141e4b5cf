//! One installation for many users: everything that a learner's notebooks need, in a folder that nobody has to
//! write to.
//!
//! [`options`] is what was asked for, [`place`] whether others can read it there; [`toolchain`] and [`registry`]
//! are what compiles cells, [`crates`] is what was compiled for them; [`files`] copies, and takes away the right
//! to write.

mod crates;
mod files;
mod options;
mod place;
mod registry;
mod toolchain;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

pub use self::options::Options;
use crate::say::say;
use crate::setup::library::Library;
use crate::setup::python::Environment;
use crate::{folders, lessons, paths, setup, tools};

/// There as long as the installation is not complete.
const UNFINISHED: &str = "unfinished";
/// What is in it; written last.
const MANIFEST: &str = "image.json";
/// The parts of libtorch, of which a folder of somebody else's may hold more.
const LIBTORCH: [&str; 3] = ["lib", "include", "build-version"];

/// Makes the installation that `options` describe.
pub fn run(options: &Options) -> Result<()> {
    let folder = &options.folder;
    place::check(folder)?;
    let program = setup::run_for_image()?;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let unfinished = folder.join(UNFINISHED);
    fs::write(&unfinished, "").with_context(|| format!("writing to {}", folder.display()))?;

    let list = if options.hub { "hub.txt" } else { "requirements.txt" };
    let announcement = format!("installing JupyterLab into {}", folder.join("venv").display());
    Environment::for_all(folder.join("venv")).ensure_pinned(&paths::script(list), &announcement)?;
    lessons::settle(&folder.join("venv"))?;
    say("copying libtorch, the toolchain and the lessons");
    let libtorch = paths::libtorch().canonicalize().context("libtorch is not there")?;
    for part in LIBTORCH {
        files::copy(&libtorch.join(part), &folder.join("libtorch").join(part))?;
    }
    toolchain::copy(&folder.join("rust"))?;
    files::copy(&program, &folder.join("bin/twoviews-kernel"))?;
    sources(&folder.join("library"))?;
    for (from, to) in [("notebooks", "lessons"), ("deploy", "deploy")] {
        files::copy(&paths::root().join(from), &folder.join(to))?;
    }
    for (from, to) in [(&options.data, "data"), (&options.weights, "hub")] {
        if let Some(from) = from {
            files::copy(from, &folder.join(to))?;
        }
    }
    let more = match &options.crates {
        Some(list) => fs::read_to_string(list).with_context(|| list.display().to_string())?,
        None => String::new(),
    };
    registry::bring(folder, &more)?;
    crates::compile(folder, &more)?;
    // Nobody compiles against it any more.
    folders::remove(&folder.join("libtorch/include"))?;
    let manifest = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "rustc": tools::compiler()?,
        "hub": options.hub,
        "megabytes": megabytes(folder)?,
    });
    folders::atomic_write(&folder.join(MANIFEST), format!("{manifest:#}\n").as_bytes())?;
    for entry in fs::read_dir(folder)? {
        files::seal(&entry?.path())?;
    }
    fs::remove_file(&unfinished)?;
    files::seal(folder)?;
    say(&format!("{} is ready, and takes so many megabytes:", folder.display()));
    println!("{:#}", manifest["megabytes"]);
    Ok(())
}

/// The library's sources, with the lock file: cargo looks whether they are those that were compiled.
fn sources(to: &Path) -> Result<()> {
    let root = paths::root();
    folders::remove(to)?;
    for file in Library::read(&root).sources() {
        let name = file.strip_prefix(&root).context("a source outside of the project")?;
        files::copy(file, &to.join(name))?;
    }
    // Its manifest names what is compiled apart.
    for name in ["benches", "examples", "tests"] {
        files::copy(&root.join(name), &to.join(name))?;
    }
    Ok(())
}

/// The disk that each part takes, and all together.
fn megabytes(folder: &Path) -> Result<serde_json::Value> {
    let (mut parts, mut sum) = (serde_json::Map::new(), 0);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let bytes = files::size(&entry.path())?;
        sum += bytes;
        if entry.path().is_dir() {
            parts.insert(entry.file_name().to_string_lossy().into_owned(), (bytes >> 20).into());
        }
    }
    parts.insert("all".to_owned(), (sum >> 20).into());
    Ok(parts.into())
}
