//! Encoders, the projection head and the SimCLR and DCL estimators.

mod dcl;
mod device;
mod estimator;
mod folded;
mod inference;
mod init;
mod precision;
mod projection_head;
mod resnet;
mod simclr;

pub use dcl::{DCL, DCLConfig, DCLW};
pub use device::{best_device, check_latent_size, seed_everything};
pub use estimator::Estimator;
pub use inference::InferenceEncoder;
pub use init::initialise;
pub use precision::Precision;
pub use projection_head::ProjectionHead;
pub(crate) use resnet::MAX_WIDTH;
pub use resnet::ResNet;
pub use simclr::{SimCLR, SimCLRConfig};
