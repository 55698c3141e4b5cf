//! Interrupts: a file that exists while the running cell is asked to stop.
//!
//! Each cell may have its own copy of every `static`, but they all see the same files. The library
//! asks for it between steps (`twoviews::notebook::interrupted`).

use std::path::{Path, PathBuf};

/// Names the file, in the kernel and in the process of the cells.
pub(crate) const FILE: &str = "TWOVIEWS_INTERRUPT_FILE";

fn path() -> Option<PathBuf> {
    std::env::var_os(FILE).map(PathBuf::from)
}

/// Whether the running cell is asked to stop.
pub(crate) fn is_asked() -> bool {
    path().is_some_and(|path| path.exists())
}

/// Asks the running cell to stop.
pub(crate) fn ask() -> std::io::Result<()> {
    path().map_or(Ok(()), |path| std::fs::write(path, ""))
}

/// The request is done with.
pub(crate) fn clear() {
    if let Some(path) = path() {
        let _ = std::fs::remove_file(path);
    }
}

/// Ends cargo, rustc and the linker, which this process has started, but not `keep`.
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) fn end_compilers(keep: u32) {
    let parent_of = |pid: u32| -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let processes = std::fs::read_dir(Path::new("/proc")).into_iter().flatten().flatten();
    let mut descendants = Vec::new();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let mut ancestor = Some(pid);
        while let Some(current) = ancestor.filter(|&current| current > 1 && current != keep) {
            ancestor = parent_of(current);
            if ancestor == Some(std::process::id()) {
                descendants.push(pid);
                break;
            }
        }
    }
    for pid in descendants {
        // SAFETY: a signal to a process that may be gone already.
        unsafe { libc::kill(pid as i32, libc::SIGKILL) };
    }
}
