//! The process that runs the cells.

pub(crate) mod backtraces;
pub(crate) mod input;
pub(crate) mod interrupt;
pub(crate) mod runtime;
