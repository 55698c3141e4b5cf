//! The residual network that encodes images, the projection head, and their first weights.

mod device;
mod init;
mod layers;
mod projection_head;
mod resnet;
#[cfg_attr(not(target_arch = "x86_64"), path = "winograd/elsewhere.rs")]
pub(crate) mod winograd;

pub use crate::deprecated::models::*;
pub use device::{best_device, check_latent_size, seed_everything};
pub use init::initialise;
pub(crate) use layers::{BATCH_NORM_EPS, MAX_WIDTH, channels_last};
pub use projection_head::ProjectionHead;
pub(crate) use resnet::BasicBlock;
pub use resnet::{EncoderKind, ResNet};
