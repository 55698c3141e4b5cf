//! Interrupts: a file that exists while the running cell is asked to stop.
//!
//! Each cell may have its own copy of every `static`, but they all see the same files. The library
//! asks for it between steps (`twoviews::notebook::interrupted`).

use std::path::PathBuf;

use twoviews_constants::variable::INTERRUPT_FILE;

fn path() -> Option<PathBuf> {
    std::env::var_os(INTERRUPT_FILE).map(PathBuf::from)
}

/// Whether the running cell is asked to stop.
pub(crate) fn is_asked() -> bool {
    path().is_some_and(|path| path.exists())
}

/// Asks the running cell to stop.
pub(crate) fn ask() -> std::io::Result<()> {
    path().map_or(Ok(()), |path| std::fs::write(path, ""))
}

/// Whether the running cell was asked to stop. From here on it is not: the kernel's own code comes next.
pub(crate) fn take() -> bool {
    let asked = is_asked();
    clear();
    asked
}

/// The request is done with.
pub(crate) fn clear() {
    if let Some(path) = path() {
        let _ = std::fs::remove_file(path);
    }
}
