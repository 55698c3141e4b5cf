//! Repeatable randomness: numpy-compatible subsets and counter-based draws.

mod counter;

pub use counter::Draws;
