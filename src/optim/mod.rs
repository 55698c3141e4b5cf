//! Optimizers and the learning-rate schedule.

mod optimizer;
mod schedule;

pub use optimizer::OptimizerKind;
pub(crate) use optimizer::{Optimizer, OptimizerSettings};
pub use schedule::{LrScheduler, learning_rate};
