//! The crates that notebooks load, compiled beforehand.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use twoviews_constants::file;

use super::compile::compile;
use super::library::Library;
use super::progress::Part;
use super::{build_directories, builds, kernel};
use crate::say::say;
use crate::{folders, notebook, paths, tools};

/// evcxr's settings for the cells and their crates; `.slots/0/Cargo.toml` is what it has written.
const SETTINGS: &str = "opt-level = 2\n\
                        debug = false\n\
                        strip = \"debuginfo\"\n\
                        rpath = true\n\
                        lto = false\n\
                        debug-assertions = true\n\
                        codegen-units = 16\n\
                        panic = 'unwind'\n\
                        incremental = true\n\
                        overflow-checks = true\n";

/// What is to be compiled.
pub(super) struct Missing {
    /// By what, for whom.
    made_by: String,
}

/// Looks for what has changed since the crates were compiled, and makes way for new ones.
pub(super) fn prepare() -> Result<Option<Missing>> {
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
        return Ok(None);
    }
    if build_directories::is_used(&folder) {
        // The smallest notebook would be built in another folder, and this one taken for compiled.
        say(
            "a notebook is open in .slots/0: the crates are compiled there by the first set-up after \
             it is closed, and until then by each notebook's first cell",
        );
        return Ok(None);
    }
    say("compiling the notebooks' crates into .slots");
    // A kernel that was used before everything was there leaves an empty file.
    if before.is_ok_and(|text| text.starts_with("rustc ") && !text.starts_with(&compiler)) {
        say("rustc has changed: what another one has compiled is removed first");
        build_directories::empty()?;
    }
    fs::create_dir_all(&folder).context("creating .slots")?;
    fs::write(paths::build_directories().join(".gitignore"), "*\n")?;
    let configuration = paths::build_directories().join(".cargo");
    fs::create_dir_all(&configuration)?;
    fs::write(configuration.join("config.toml"), profile)
        .context("writing cargo's configuration for the notebooks")?;
    Ok(Some(Missing { made_by }))
}

impl Missing {
    /// Compiles the crates as the kernel would, which need not be there yet.
    pub(super) fn compile(&self, part: Part<'_>) -> Result<()> {
        let root = paths::root();
        // The kernel keeps to the versions of Cargo.lock; all must be here, those for other systems
        // included, because evcxr reads the whole graph.
        let mut fetch = Command::new("cargo");
        tools::run_beside(fetch.current_dir(&root).args(["fetch", "--quiet", "--locked"]))?;
        let place = stand_in(&root)?;
        resumed(|| compile(&mut cargo(&root, &place)?, "twoviews", part).map(drop))
    }

    /// Runs the smallest notebook, which compiles whatever the lessons need beside the crates.
    pub(super) fn try_out(&self) -> Result<()> {
        let root = paths::root();
        let out = root.join("target/smoke");
        resumed(|| notebook::run(&root.join("tests/notebooks/smoke.ipynb"), &out, &[]))?;
        self.record()
    }

    /// Notes that nothing is missing any more.
    pub(super) fn record(&self) -> Result<()> {
        let stamp = paths::build_directory().join(file::STAMP);
        folders::atomic_write(&stamp, self.made_by.as_bytes())
    }
}

fn resumed(build: impl Fn() -> Result<()>) -> Result<()> {
    let marker = paths::build_directories().join("unfinished");
    builds::resume(&marker, build_directories::empty, build)
}

/// Writes a package with the cells' only crate below the build directories, where cargo finds their configuration.
fn stand_in(root: &Path) -> Result<PathBuf> {
    let place = paths::build_directories().join("stand-in");
    let manifest = format!(
        "[package]\nname = \"stand-in\"\nedition = \"2024\"\n\n[profile.dev]\n{SETTINGS}\n\
         [dependencies]\n{}\n",
        kernel::dependency(root)
    );
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(place.join("src"))?;
        fs::write(place.join("src/lib.rs"), "")?;
        fs::write(place.join("Cargo.toml"), manifest)?;
        fs::copy(root.join("Cargo.lock"), place.join("Cargo.lock")).map(drop)
    };
    write().with_context(|| format!("writing {}", place.display()))?;
    Ok(place)
}

/// cargo with all that evcxr gives it. Where that is another linker the kernel compiles the crates itself.
fn cargo(root: &Path, place: &Path) -> Result<Command> {
    // With two cores both builds end at the same time so, and with more the kernel, of which one part waits for the
    // other, is not delayed.
    let mut cargo = Command::new("nice");
    cargo
        .args(["-n", "2", "cargo", "build", "--offline", "--target", &tools::host()?])
        .current_dir(place);
    let target = paths::build_directory().join("target");
    cargo.env("CARGO_TARGET_DIR", &target).env("CARGO_BUILD_BUILD_DIR", &target);
    cargo.env("RUSTFLAGS", "-Cprefer-dynamic").envs(kernel::variables(root));
    tools::forget_package(&mut cargo);
    Ok(cargo)
}

/// C++ glue, a compressor that no notebook calls in a loop, lines of progress, and what speaks with servers, whose
/// ciphers are assembly: it decrypts 600 MB a second all the same.
const NOT_OPTIMISED: [&str; 10] = [
    "console",
    "http",
    "indicatif",
    "rustls",
    "rustls-webpki",
    "torch-sys",
    "ureq",
    "ureq-proto",
    "zip",
    "zstd-sys",
];

/// Profiles for the build directories; cargo reads the configuration of every parent folder.
///
/// Thin calls of libtorch are optimised little. Crates are compiled without the checks of their own assumptions and
/// arithmetic, as they are released: with them the L-BFGS probe takes 2.6 times as long. Cells keep theirs.
pub(crate) fn profile(own: &[String]) -> String {
    let mut text = "[profile.dev.package]\n\
                    \"*\" = { debug-assertions = false, overflow-checks = false }\n\
                    tch = { opt-level = 1 }\n"
        .to_owned();
    for name in NOT_OPTIMISED {
        let _ = writeln!(text, "{name} = {{ opt-level = 0 }}");
    }
    for name in own {
        let _ = writeln!(text, "{name} = {{ opt-level = 3 }}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_are_compiled_with_evcxrs_settings() {
        let there = Path::new("../.slots/0/Cargo.toml");
        let Ok(text) = fs::read_to_string(there) else {
            eprintln!("skipped: {} is not there, which the first cell writes", there.display());
            return;
        };
        let (_, settings) = text.split_once("[profile.dev]\n").unwrap();
        let settings: Vec<&str> =
            settings.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        assert_eq!(settings, SETTINGS.lines().collect::<Vec<_>>());
    }
}
