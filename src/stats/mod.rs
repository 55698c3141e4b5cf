//! Which classes are taken for which, and what a difference between two models is worth: intervals, paired
//! tests, and the sentence that they allow.

mod comparison;
mod confusion;
mod mcnemar;
mod paired_t;
mod wilson;

pub use comparison::Comparison;
pub use confusion::confusion_matrix;
pub use mcnemar::McNemar;
pub use paired_t::PairedT;
pub use wilson::wilson_interval;
