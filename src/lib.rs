//! Contrastive learning from two views: SimCLR and DCL, from the image archive to the accuracy.
//!
//! # Reading order
//!
//! The modules stand in the order in which the data flows:
//! [`data`] (images and subsets) → [`transforms`] (two random views) → [`models`] (encoder and
//! projection head) → [`losses`] (InfoNCE, DCL) → [`optim`] (optimizer and learning rate) →
//! [`estimator`] (SimCLR and DCL: training, checkpoints, pretrained weights) → [`encode`] (features)
//! → [`probes`] (accuracy) → [`plot`] (figures). [`weights`] reads and writes files of tensors;
//! [`notebook`] shows progress; [`rng`] makes the draws repeatable; [`error`] says what went wrong.
//!
//! # Notation
//!
//! | symbol | meaning | shape |
//! |---|---|---|
//! | x | images | (B, 3, 32, 32) |
//! | h | features of the encoder | (B, 128) |
//! | z | embeddings of the projection head | (B, 128) |
//! | tau | temperature | scalar > 0 |
//! | N | images in a batch | |
//! | B | batch size | |
//! | D | width of an embedding | |

mod cache;
mod compat;
pub mod data;
pub mod encode;
pub mod error;
pub mod estimator;
mod files;
#[cfg(target_arch = "x86_64")]
mod libtorch;
pub mod losses;
mod memory;
pub mod notebook;
pub mod optim;
pub mod plot;
pub mod prelude;
pub mod probes;
pub mod rng;
mod temperature;
mod tensor_input;
pub mod transforms;

/// The residual network that encodes images, the projection head, and their first weights.
pub mod models {
    mod device;
    mod init;
    mod layers;
    mod projection_head;
    mod resnet;
    #[cfg_attr(not(target_arch = "x86_64"), path = "winograd/elsewhere.rs")]
    pub(crate) mod winograd;

    pub use device::{best_device, check_latent_size, seed_everything};
    pub use init::initialise;
    pub(crate) use layers::{BATCH_NORM_EPS, MAX_WIDTH, channels_last};
    pub use projection_head::ProjectionHead;
    pub(crate) use resnet::BasicBlock;
    pub use resnet::{EncoderKind, ResNet};

    #[doc(hidden)]
    pub use crate::compat::models::*;
}

/// Files of tensors by name: what PyTorch, Lightning and safetensors write.
pub mod weights {
    mod advice;
    mod element;
    mod fault;
    mod file;
    mod file_format;
    mod layout;
    mod legacy;
    mod load;
    mod modules;
    mod pickle;
    mod rebuild;
    mod rename;
    mod safetensors;
    mod save;
    mod state_dict;
    mod storage;
    mod tensors;
    mod zip;

    pub use file::read_state_dict;
    pub(crate) use load::load_file;
    pub use load::load_state_dict;
    pub use rename::LoadOptions;
    pub use save::save_state_dict;
    pub(crate) use save::to_safetensors;
    pub use state_dict::StateDict;

    #[doc(hidden)]
    pub use crate::compat::weights::*;
}

pub(crate) use cache::cache_folder;
#[doc(hidden)]
pub use compat::train;
pub use error::{Error, Result};
pub use {ndarray, plotters, tch};
