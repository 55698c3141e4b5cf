//! This program in cargo's place.
//!
//! evcxr and the rust-analyzer in it call cargo for every cell. Here they find a cargo that is this
//! program by another name ([`shim`], [`answers`]): it knows which crates a cell can meet ([`crate_graph`],
//! [`crate_sources`]) and when nothing but the cell has changed ([`cell`]), and leaves everything else to the real one
//! ([`real_cargo`]), with the [`versions`] that are to stay. What adding a crate would compile is known
//! beforehand ([`plan`]).

mod answers;
mod cell;
mod complaint;
mod crate_graph;
mod crate_sources;
pub(crate) mod plan;
mod real_cargo;
mod shim;
mod variables;
pub(crate) mod versions;

pub(crate) use answers::run_if_wanted;
pub(crate) use cell::{Diagnostics, Dropped, LEVEL, crates};
pub(crate) use shim::CargoShim;
pub(crate) use variables::is_set_by_cargo;
