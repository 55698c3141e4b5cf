//! How a cell is compiled: by the [`call`] that cargo made for the [last one](last_build), as long as
//! nothing else has changed ([`watched`], [`state`]). [`source`] is what is changed in the cell's file just before,
//! [`shortened`] what is left out of it. Its [`linker`] gets one library of all crates
//! ([`shared_crates`]), and [`link_stubs`] spare it the symbols of large libraries;
//! [`diagnostics`] are kept for the kernel.

mod call;
mod compile;
mod diagnostics;
mod last_build;
mod link_stubs;
mod linker;
mod shared_crates;
mod shortened;
mod source;
mod state;
mod watched;

pub(crate) use call::LEVEL;
pub(super) use call::{is_recorder, record};
pub(crate) use compile::crates;
pub(super) use compile::run;
pub(crate) use diagnostics::Diagnostics;
pub(super) use linker::{is_linker, link};
pub(crate) use source::Dropped;
