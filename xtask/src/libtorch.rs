//! libtorch 2.13.0 in `.libtorch`.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::python::Environment;
use crate::{paths, say, tools};

/// Brings libtorch, unless it is there: a link to the reader's own, or to the full PyTorch where
/// there is an NVIDIA GPU, or the parts of it that a CPU needs.
pub(crate) fn ensure() -> Result<()> {
    let place = paths::libtorch();
    if place.join("lib").is_dir() {
        return Ok(());
    }
    if place.is_symlink() {
        fs::remove_file(&place).context("removing the broken link .libtorch")?;
    }
    if let Some(own) = own_libtorch()? {
        say(&format!("linking .libtorch to {}", own.display()));
        return symlink(&own, &place).context("linking .libtorch");
    }
    if has_nvidia_gpu() {
        return full();
    }
    say(
        "installing libtorch 2.13.0 for the CPU into .libtorch (530 MB to download, 480 MB on disk)",
    );
    let wheels = paths::root().join(".libtorch-download");
    let list = paths::script("libtorch-cpu.txt");
    tools::run(
        Environment::of_the_project()
            .pip()
            .args(["download", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r"])
            .arg(list)
            .arg("--dest")
            .arg(&wheels),
    )?;
    let script = paths::script("libtorch_cpu.py");
    tools::run(Command::new(paths::python()).arg(script).arg(&wheels).arg(&place))?;
    fs::remove_dir_all(&wheels).context("removing the downloaded wheels")
}

/// The folder that LIBTORCH names, or that of an active conda environment with libtorch.
fn own_libtorch() -> Result<Option<PathBuf>> {
    // `cargo xtask` itself is started with the default from .cargo/config.toml.
    let named = env::var_os("LIBTORCH").map(PathBuf::from);
    if let Some(folder) = named.filter(|folder| *folder != paths::libtorch()) {
        ensure!(
            folder.join("lib").is_dir() && folder.join("include").is_dir(),
            "LIBTORCH is {}, which has no folders lib and include: correct it or unset it",
            folder.display()
        );
        return Ok(Some(folder));
    }
    let conda = env::var_os("CONDA_PREFIX").map(PathBuf::from);
    Ok(conda.filter(|prefix| has_libtorch(prefix)))
}

fn has_libtorch(prefix: &Path) -> bool {
    prefix.join("include/torch").is_dir()
        && ["libtorch.so", "libtorch.dylib"]
            .iter()
            .any(|name| prefix.join("lib").join(name).exists())
}

fn has_nvidia_gpu() -> bool {
    Command::new("nvidia-smi").arg("-L").output().is_ok_and(|output| output.status.success())
}

/// The whole PyTorch with CUDA, in the Python environment.
fn full() -> Result<()> {
    say("installing PyTorch 2.13.0 with CUDA into .venv (about 3 GB)");
    Environment::of_the_project().add(&["torch==2.13.0".as_ref()])?;
    let script = "import pathlib, torch; print(pathlib.Path(torch.__file__).parent)";
    let output = Command::new(paths::python()).args(["-c", script]).output()?;
    ensure!(output.status.success(), "PyTorch cannot be imported after its installation");
    let folder = String::from_utf8(output.stdout)?;
    symlink(folder.trim(), paths::libtorch()).context("linking .libtorch")
}
