//! What evcxr compiles cells with, and where.

pub(crate) mod cargo;
pub(crate) mod directory;
pub(crate) mod std_source;
