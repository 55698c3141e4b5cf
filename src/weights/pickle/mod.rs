//! Pickles as data: a stack machine that builds a description of the objects and runs nothing.
//!
//! Format: Python's `pickletools`, protocols 0 to 5.

mod input;
mod machine;
mod value;

pub(super) use machine::read_pickle;
pub(super) use value::{Node, Object, Pickle, Value};
