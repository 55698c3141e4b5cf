//! The text of cells: read before evcxr reads it, rewritten where evcxr needs help, and found again
//! in what was compiled.
//!
//! The way of a cell: [`commands`] takes the lines that are no Rust out, [`parse`] finds its
//! statements, [`rewrite`] changes the text without changing its lines ([`edits`]), and [`map`]
//! leads from a place in the compiled file back to cell, line and column. [`items`] says what a cell
//! defines, [`identity`] when a variable's type has become another one; [`Sources`] holds it all.

mod boundaries;
pub(crate) mod commands;
pub(crate) mod display;
pub(crate) mod edits;
pub(crate) mod identity;
pub(crate) mod items;
pub(crate) mod map;
pub(crate) mod parse;
pub(crate) mod returns;
pub(crate) mod rewrite;
mod sources;
pub(crate) mod statics;
pub(crate) mod tokens;

pub(crate) use sources::{SharedSources, Sources};
