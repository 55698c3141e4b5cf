//! Repeatable randomness: numpy-compatible subsets and counter-based draws.
