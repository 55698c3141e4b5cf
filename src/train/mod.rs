//! Training: configuration, schedule, optimizer and the loop.

mod config;
mod fit;
mod optimizer;
mod schedule;

pub use config::{ContrastiveConfig, EncoderKind, LrScheduler, OptimizerKind};
pub use fit::{FitOptions, History, Hook};
pub use schedule::learning_rate;
