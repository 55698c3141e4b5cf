//! Where things lie in the project.

use std::path::{Path, PathBuf};

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// A program or file in the Python environment.
pub(crate) fn venv(name: &str) -> PathBuf {
    root().join(".venv").join(name)
}

/// The Python of the environment.
pub(crate) fn python() -> PathBuf {
    venv("bin/python")
}

/// A script or list of this crate.
pub(crate) fn script(name: &str) -> PathBuf {
    root().join("xtask/python").join(name)
}

/// The libtorch that everything is linked with.
pub(crate) fn libtorch() -> PathBuf {
    root().join(".libtorch")
}

/// The build folder of the notebooks' kernel.
pub(crate) fn slot() -> PathBuf {
    root().join(".slots/0")
}
