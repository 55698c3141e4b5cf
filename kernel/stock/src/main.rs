//! The evcxr_jupyter kernel as it is, but for one thing: it keeps its build directory to itself.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use anyhow::{Context, bail};
use twoviews_constants::file::LOCK;
use twoviews_constants::variable::BUILD_DIRECTORY;

fn main() -> anyhow::Result<()> {
    // evcxr starts this program again, as the process that runs the cells and as a wrapper of
    // rustc; only the kernel itself takes the lock.
    let is_kernel = std::env::args().nth(1).is_some_and(|argument| argument == "--control_file");
    let _lock = if is_kernel { lock_build_directory()? } else { None };
    evcxr_jupyter::main()
}

/// Two kernels that build in one folder would mix up each other's cells.
fn lock_build_directory() -> anyhow::Result<Option<File>> {
    let Some(folder) = std::env::var_os(BUILD_DIRECTORY).map(PathBuf::from) else {
        return Ok(None);
    };
    let path = folder.join(LOCK);
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "another notebook of this project is running and builds in {}: shut its kernel down \
             first (menu Kernel, Shut Down), then start this one again",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock the build folder"),
    }
}
