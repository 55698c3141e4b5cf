//! A Jupyter kernel for Rust in which cells are live and errors are errors.
//!
//! The program appears in three roles, told apart by its environment and name: the kernel itself, the
//! process that runs the cells ([`child`]; evcxr starts it from the kernel), and what answers in place
//! of [`cargo`](build::cargo) and wraps rustc when these two compile a cell.
//!
//! A user starts it for the commands of [`install`].
//!
//! The way of a cell: the [`server`] takes the request, in the words of the [`protocol`]; the
//! [`evaluator`] rewrites its text ([`source`]) and has evcxr compile it ([`build`]); the [`child`] process runs
//! it; [`output`] turns what it printed into messages, which the [`server`] sends to everyone who listens.
//! rust-analyzer, which knows the variables' types, has a part of the [`memory`] for itself.
//! A module uses only those that stand before it here: memory, protocol, child, build, source, output, evaluator,
//! server, [`install`].

mod build;
mod child;
mod evaluator;
mod install;
mod memory;
mod output;
mod protocol;
mod server;
mod source;

use std::process::ExitCode;

#[global_allocator]
static HEAP: memory::Heap = memory::Heap;

fn main() -> ExitCode {
    if let Some(code) = build::cargo::run_if_wanted() {
        return code;
    }
    if child::runtime::is_wanted() {
        child::runtime::run();
    }
    // Returns unless this process is to wrap rustc.
    evcxr::runtime_hook();
    match install::parse(std::env::args_os().skip(1)).and_then(install::run) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("twoviews-kernel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
