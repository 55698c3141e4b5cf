//! Training: configuration, schedule, optimizer, the loop, and checkpoints to go on from.

mod changes;
mod checkpoint;
mod config;
mod fit;
mod history;
mod lock;
mod optimizer;
mod options;
mod schedule;
mod state;
mod step;
mod watch;

pub use config::{ContrastiveConfig, EncoderKind, LrScheduler, OptimizerKind};
pub use history::History;
pub use options::{Checkpoints, FitOptions, Hook, OnlineKnn};
pub use schedule::learning_rate;
pub(crate) use state::TrainingState;
