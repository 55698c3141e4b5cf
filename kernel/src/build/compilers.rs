//! The programs that compile a cell: which compiler it is, and how they are stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::child::runtime::IS_RUNTIME;

/// Asks rustc for its version while the kernel starts, so that nobody waits for the answer.
pub(crate) fn ask_for_version() {
    std::thread::spawn(|| rustc_says().as_ref().inspect_err(|why| eprintln!("{why}")));
}

/// The version where there is no compiler.
const UNKNOWN: &str = "unknown";
/// What to know and do then.
const NO_COMPILER: &str =
    "rustc is not there: no cell will compile; install Rust from https://rustup.rs";

/// Why evcxr does not start, with what this machine lacks.
pub(crate) fn explained(error: &str) -> String {
    rustc_says().as_ref().map_or_else(|why| format!("{why} ({error})"), |_| error.to_owned())
}

/// The version of the compiler that compiles the cells, such as `1.95.0`.
pub(crate) fn rust_version() -> &'static str {
    let said = rustc_says().as_deref().unwrap_or_default();
    said.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or(UNKNOWN)
}

/// What rustc says of itself (`rustc -vV`), asked once; why there is no answer.
pub(crate) fn rustc_says() -> &'static Result<String, String> {
    static SAID: OnceLock<Result<String, String>> = OnceLock::new();
    SAID.get_or_init(|| match Command::new("rustc").arg("-vV").output() {
        Err(_) => Err(NO_COMPILER.to_owned()),
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(format!("{NO_COMPILER} ({})", errors.lines().next().unwrap_or_default()))
        }
    })
}

/// Ends cargo, rustc and the linker, which this process has started, but not the process of the cells.
///
/// A compiler that outlived what has started it would write over what the next cell is compiled to: so all of
/// them are halted before the first is ended, those too that are started meanwhile.
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) fn end() {
    // SAFETY: a signal to a process that may be gone already.
    let send = |pid: u32, signal| unsafe { libc::kill(pid as i32, signal) };
    let mut halted = BTreeSet::new();
    loop {
        let new: Vec<u32> = started_here().difference(&halted).copied().collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            send(pid, libc::SIGSTOP);
            halted.insert(pid);
        }
    }
    if halted.iter().any(|&pid| answers_rust_analyzer(pid)) {
        UNANSWERED.store(true, Ordering::SeqCst);
    }
    for pid in halted {
        send(pid, libc::SIGKILL);
    }
}

/// Whether rust-analyzer has lost an answer that it does not ask for again.
static UNANSWERED: AtomicBool = AtomicBool::new(false);

/// Whether since the last call a program was ended that rust-analyzer had asked for the crates or the compiler: it
/// goes on without the answer, and takes what it knows then for all that there is.
pub(crate) fn left_unanswered() -> bool {
    UNANSWERED.swap(false, Ordering::SeqCst)
}

/// What evcxr alone asks for, where it has a cell compiled.
const OF_A_CELL: &[u8] = b"--message-format=json";

/// Whether rust-analyzer, which works in this process, has started a program: evcxr starts compilations of cells.
fn answers_rust_analyzer(pid: u32) -> bool {
    // Empty while the program begins.
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    parent_of(pid) == Some(std::process::id())
        && !has_ended(pid)
        && words.split(|&byte| byte == 0).all(|word| word != OF_A_CELL)
}

/// What this process has started, and what that has, but for the process of the cells.
fn started_here() -> BTreeSet<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: BTreeMap<u32, u32> = pids.filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
    let is_from_here = |pid: u32| {
        let mut ancestors = std::iter::successors(parents.get(&pid), |pid| parents.get(pid));
        ancestors.any(|&ancestor| ancestor == std::process::id())
    };
    parents.keys().copied().filter(|&pid| is_from_here(pid) && !runs_cells(pid)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    status(pid, "PPid:")?.parse().ok()
}

/// Whether a program has come to its end, which nobody has asked for yet.
fn has_ended(pid: u32) -> bool {
    status(pid, "State:").is_none_or(|state| state.starts_with(['Z', 'X']))
}

fn status(pid: u32, name: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned())
}

/// Whether a process is that of the cells, or one that a cell has started.
fn runs_cells(pid: u32) -> bool {
    let variables = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    variables.split(|&byte| byte == 0).any(|it| it.starts_with(IS_RUNTIME.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn rust_analyzer_is_answered_by_all_but_compilations_of_cells() {
        for (call, answers) in [
            (["rustc", "--print", "sysroot"], true),
            (["cargo", "metadata", "--format-version"], true),
            (["cargo", "build", "--message-format=json"], false),
            (["cargo", "check", "--message-format=json"], false),
        ] {
            // A program that stays; the words are its arguments, known as soon as it has begun.
            let mut program = Command::new("sh");
            program.args(["-c", "read line"]).args(call).stdin(Stdio::piped());
            let mut program = program.spawn().unwrap();
            let begins = || fs::read(format!("/proc/{}/cmdline", program.id())).unwrap().is_empty();
            while begins() {}
            assert_eq!(answers_rust_analyzer(program.id()), answers, "{call:?}");
            program.kill().unwrap();
            while !has_ended(program.id()) {}
            assert!(!answers_rust_analyzer(program.id()), "{call:?}");
            program.wait().unwrap();
        }
        assert!(!answers_rust_analyzer(std::process::id()));
    }
}
