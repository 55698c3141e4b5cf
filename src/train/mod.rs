//! Training: configuration, schedule, optimizer, the loop and its checkpoints.

mod config;

pub use config::{ContrastiveConfig, EncoderKind, LrScheduler, OptimizerKind};
