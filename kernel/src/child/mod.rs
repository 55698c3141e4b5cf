//! The process that runs the cells.
//!
//! evcxr starts this program once more for it. [`runtime`] loads and runs the cells there; [`input`]
//! notices that one waits for its standard input, [`backtraces`] from which cells a panic comes. What the two processes
//! tell each other stands in [`markers`], [`panics`] and [`interrupt`], which the kernel uses, too.

mod backtraces;
mod flush;
mod input;
pub(crate) mod interrupt;
pub(crate) mod markers;
pub(crate) mod panics;
pub(crate) mod runtime;
