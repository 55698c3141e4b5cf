//! The kernel's sockets: opened by [`start`], served by [`shell`] and [`control`] with what [`kernel`]
//! has for both; the [`publisher`] sends what a cell shows to everyone who listens. A [`private_folder`] holds what
//! the kernel's processes tell one another.

mod control;
mod history;
mod info;
mod kernel;
mod private_folder;
mod publisher;
mod shell;
mod start;

pub(crate) use private_folder::remove_abandoned;
pub(crate) use start::{compile_crates, run};
