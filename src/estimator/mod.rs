//! The estimators SimCLR and DCL: configuration, training, checkpoints and pretrained weights.

mod changes;
mod checkpoint;
mod classifier;
mod config;
mod evaluation;
mod fit;
mod history;
mod hub;
mod methods;
mod model;
mod options;
mod pretrained;
mod run_lock;
mod state;
mod step;
mod transform;

pub use classifier::Classifier;
pub use config::ContrastiveConfig;
pub use history::History;
pub use hub::Weights;
pub use methods::{DCL, DCLConfig, DCLW, SimCLR, SimCLRConfig};
pub use model::Estimator;
pub use options::{BatchHook, Checkpoints, FitOptions, Hook, OnlineKnn};
pub use step::StepOutputs;
