//! The estimators SimCLR and DCL: configuration, training, checkpoints and pretrained weights.

mod changes;
mod checkpoint;
mod config;
mod dcl;
mod evaluation;
mod fit;
mod history;
mod hub;
mod model;
mod options;
mod pretrained;
mod run_lock;
mod simclr;
mod state;
mod step;

pub use config::ContrastiveConfig;
pub use dcl::{DCL, DCLConfig, DCLW};
pub use history::History;
pub use hub::Weights;
pub use model::Estimator;
pub use options::{Checkpoints, FitOptions, Hook, OnlineKnn};
pub use simclr::{SimCLR, SimCLRConfig};
