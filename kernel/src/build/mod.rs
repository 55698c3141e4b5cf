//! With what cells are compiled, and where.
//!
//! [`directory`] gives each kernel a place of its own, by default in the user account's [`cache`], with what [`filling`] takes from another
//! one or from an installation's [`template`], and without the [`leftovers`] of kernels before; [`cargo`] answers evcxr in
//! cargo's place, rust-analyzer reads an [`outline`] of each crate and of the standard library ([`std_source`]);
//! [`compilers`] are the programs that run.

pub(crate) mod cache;
pub(crate) mod cargo;
pub(crate) mod compilers;
pub(crate) mod directory;
mod environment;
mod filling;
pub(crate) mod leftovers;
mod outline;
pub(crate) mod std_source;
mod template;

pub(crate) use environment::BuildEnvironment;
