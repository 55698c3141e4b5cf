//! From what a cell printed to the messages on iopub, live and in order.
//!
//! [`connections`] takes the output of the process of the cells, [`tokenizer`] finds the markers in
//! it, [`publishing`] makes messages of the rest, and [`Outputs`] knows for which cell. Displays that
//! are redrawn in place are thinned out by [`displays`]; [`input`] asks the user for a cell that reads.
//! [`compiler_log`] and [`build_progress`] show which crates are compiled meanwhile.

mod build_progress;
mod cell;
mod compiler_log;
mod connections;
mod displays;
mod input;
mod outputs;
mod publishing;
mod state;
mod tokenizer;

pub(crate) use cell::{Cell, FailedTry, Outcome, Question, Returned};
pub(crate) use compiler_log::follow;
pub(crate) use outputs::Outputs;
pub(crate) use publishing::MEASURES;
