//! Repeatable randomness: numpy-compatible subsets and counter-based streams.

mod counter;
mod numpy;

pub use counter::RandomStream;
pub use numpy::{NumpyRng, numpy_rng};

/// The former name of [`RandomStream`].
#[deprecated(note = "renamed to RandomStream")]
pub type Draws = RandomStream;
