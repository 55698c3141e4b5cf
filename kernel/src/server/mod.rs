//! The kernel's sockets: opened by [`start`], served by [`shell`] and [`control`] with what [`kernel`]
//! has for both; the [`publisher`] sends what a cell shows to everyone who listens.

mod control;
mod history;
mod info;
mod kernel;
mod publisher;
mod shell;
mod start;

pub(crate) use start::{compile_crates, run};
