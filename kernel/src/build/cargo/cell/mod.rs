//! How a cell is compiled.

mod diagnostics;
mod last_build;
mod link_stubs;
mod source;

pub(crate) use diagnostics::Diagnostics;
pub(crate) use last_build::{LEVEL, crates};
pub(super) use last_build::{is_recorder, record, run};
pub(crate) use source::Dropped;
