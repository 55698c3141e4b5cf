//! Compiles and runs cells with evcxr.

pub(crate) mod assist;
pub(crate) mod commands;
mod dependencies;
pub(crate) mod engine;
pub(crate) mod errors;
pub(crate) mod execute;
mod notebook;
