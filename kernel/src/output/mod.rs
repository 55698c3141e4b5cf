//! From what a cell printed to the messages on iopub, live and in order.

pub(crate) mod compiling;
mod displays;
mod outputs;
mod reader;
mod tokenizer;

pub(crate) use outputs::*;
