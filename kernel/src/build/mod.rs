//! With what cells are compiled, and where.
//!
//! [`directory`] gives each kernel a place of its own, by default in the user account's [`cache`], with what [`filling`] takes from another
//! one or from an installation's [`template`], and without the [`leftovers`] of kernels before; [`cargo`] answers evcxr in cargo's place,
//! [`std_source`] is what rust-analyzer reads of the standard library, [`compilers`] the programs that run.

pub(crate) mod cache;
pub(crate) mod cargo;
pub(crate) mod compilers;
pub(crate) mod directory;
mod environment;
mod filling;
pub(crate) mod leftovers;
pub(crate) mod std_source;
mod template;

pub(crate) use environment::BuildEnvironment;
