//! Everything that has to be there before a notebook can run.

mod build_directories;
mod builds;
mod kernel;
pub mod library;
mod libtorch;
mod notebook_crates;
mod platform;
pub mod python;
mod scripts;
mod standard_library;
pub(crate) mod wheel;

use std::path::PathBuf;

use anyhow::Result;

pub(crate) use self::kernel::{DISPLAY_NAME as KERNEL_DISPLAY_NAME, NAME as KERNEL_NAME};
pub(crate) use self::notebook_crates::profile as notebook_profile;
use crate::{paths, tools};

/// Does what is still needed of the set-up; quick when everything is there.
pub fn run() -> Result<()> {
    let _lock = builds::exclusive()?;
    tools::check()?;
    python::ensure()?;
    libtorch::ensure()?;
    kernel::ensure()?;
    standard_library::ensure()?;
    notebook_crates::ensure()
}

/// The variables of the notebooks' kernel.
pub(crate) fn kernel_variables() -> [(&'static str, String); 6] {
    kernel::variables(&paths::root())
}

/// What runs Python alone needs.
pub fn run_without_libtorch() -> Result<()> {
    let _lock = builds::exclusive()?;
    python::ensure()
}

/// What an installation for many users is made of, and the kernel's program.
pub(crate) fn run_for_image() -> Result<PathBuf> {
    let _lock = builds::exclusive()?;
    tools::check()?;
    python::ensure()?;
    libtorch::ensure()?;
    standard_library::ensure()?;
    kernel::program()
}

/// What programs without a notebook need: libtorch, and the Python that brings it.
pub fn run_without_kernel() -> Result<()> {
    let _lock = builds::exclusive()?;
    tools::check()?;
    python::ensure()?;
    libtorch::ensure()
}
