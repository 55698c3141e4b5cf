//! What went wrong in a cell, in the words and lines of the notebook.

pub(crate) mod diagnostic;
mod failure;
mod render;

pub(crate) use failure::Failure;
