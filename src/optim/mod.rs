//! Optimizers and the learning-rate schedule.

mod optimizer;

pub use optimizer::{LrScheduler, OptimizerKind, learning_rate};
pub(crate) use optimizer::{Optimizer, OptimizerSettings};
