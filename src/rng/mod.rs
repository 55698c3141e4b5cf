//! Repeatable randomness: numpy-compatible subsets and counter-based draws.

mod counter;
mod numpy;

pub use counter::Draws;
pub use numpy::{NumpyRng, numpy_rng};
