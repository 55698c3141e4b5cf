//! What the lessons' pages compute in a browser, with the crate's own code.
//!
//! One module an experiment, in plain Rust that tests run natively; [`exports`] is what JavaScript calls.

pub mod batch;
pub mod circle;
pub mod coupling;
pub mod exports;
pub mod pictures;
pub mod stored;
pub mod strengths;
