//! Compiles and runs cells with evcxr, and answers what is asked about code that is being written.
//!
//! [`worker`] is the thread that takes each [`Job`]. [`engine`] is evcxr with what the kernel knows
//! beside it, such as the [`notebook`]: what the cells so far have defined. [`execute`] takes a cell
//! from its text to its end: its [`commands`], the crates that it adds ([`dependencies`]), its code.
//! What went wrong is told in the words and lines of the notebook ([`errors`]); [`assist`] completes
//! and explains words.

mod assist;
mod commands;
mod dependencies;
mod engine;
mod errors;
mod execute;
mod job;
mod notebook;
mod worker;

pub(crate) use assist::is_complete;
pub(crate) use engine::Process;
pub(crate) use errors::Failure;
pub(crate) use job::{CellRequest, CellResult, Job};
pub(crate) use worker::{compile_crates, start};
