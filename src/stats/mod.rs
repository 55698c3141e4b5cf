//! What a difference between two models is worth: intervals, paired tests, and the sentence that they allow.

mod comparison;
mod mcnemar;
mod paired_t;
mod wilson;

pub use comparison::Comparison;
pub use mcnemar::McNemar;
pub use paired_t::PairedT;
pub use wilson::wilson_interval;
