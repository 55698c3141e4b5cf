//! Contrastive learning from two views: SimCLR and DCL, from the image archive to the accuracy.
//!
//! # Reading order
//!
//! The modules stand in the order in which the data flows:
//! [`data`] (images and subsets) → [`transforms`] (two random views) → [`loaders`] (batches) →
//! [`models`] (encoder and projection head) → [`losses`] (InfoNCE, DCL) → [`optim`] (optimizer and
//! learning rate) → [`estimator`] (SimCLR and DCL: training, checkpoints, pretrained weights) →
//! [`encode`] (features) → [`probes`] (accuracy) → [`stats`] (what a difference is worth) → [`plot`]
//! (figures). [`weights`] reads and writes files of tensors; [`notebook`] shows progress, [`lesson`] answers readers; [`rng`] makes the random numbers repeatable; [`error`] says
//! what went wrong.
//!
//! # Without tensors
//!
//! Without its default feature `torch` the crate is [`rng`], [`data::Image`] and data sets in memory,
//! [`data::Shapes10`], [`transforms`] and the losses of [`losses::CosineSimilarities`], and needs no
//! libtorch: so a web page, for example, can compute with the same code (`wasm32-unknown-unknown`).
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

pub mod error;
pub mod rng;
mod temperature;
pub mod transforms;

#[cfg(feature = "torch")]
mod atomic_write;
#[cfg(feature = "torch")]
mod compat;
#[cfg(feature = "torch")]
mod convolution;
#[cfg(feature = "torch")]
pub mod encode;
#[cfg(feature = "torch")]
pub mod estimator;
#[cfg(feature = "torch")]
pub mod lesson;
#[cfg(feature = "torch")]
pub mod loaders;
#[cfg(feature = "torch")]
pub mod notebook;
#[cfg(feature = "torch")]
pub mod optim;
#[cfg(feature = "torch")]
pub mod plot;
#[cfg(feature = "torch")]
pub mod prelude;
#[cfg(feature = "torch")]
pub mod probes;
#[cfg(feature = "torch")]
pub mod stats;
#[cfg(feature = "torch")]
mod tensor_input;

/// Images in memory: data sets and subsets, CIFAR-10 and Shapes10; downloads and their cache.
// Declared here, not in `data/mod.rs`, so that one file says what depends on the feature.
pub mod data {
    mod images;
    mod shapes10;

    pub(crate) use images::check_pixels;
    pub use images::{Image, ImageDataset, Subset};
    pub use shapes10::{
        Factor, Factors, Palette, SHAPES10_CLASSES, SHAPES10_SIZE, SHAPES10_SYMMETRIES, Shapes10,
    };

    #[cfg(feature = "torch")]
    mod cache;
    #[cfg(feature = "torch")]
    mod cifar10;
    #[cfg(feature = "torch")]
    pub(crate) mod download;

    #[cfg(feature = "torch")]
    pub use cifar10::{CIFAR10_CLASSES, CIFAR10_MD5, CIFAR10_URL, Cifar10, Cifar10Config};
    #[cfg(feature = "torch")]
    pub use download::{download, md5_of};

    #[cfg(feature = "torch")]
    #[doc(hidden)]
    pub use crate::compat::data::*;
}

/// Contrastive losses: one equation, one function.
///
/// Both losses look at a batch of N images through two views. With L2-normalised embeddings z and
/// temperature tau, anchor i has the similarity s_i = <z1_i, z2_i> / tau to its partner, and
/// S_i = sum over both views l and all j != i of exp(<z1_i, zl_j> / tau) collects its 2(N-1)
/// negatives.
///
/// The losses of tensors train; [`CosineSimilarities`](losses::CosineSimilarities) computes their values
/// where there is no tensor library.
pub mod losses {
    mod slices;

    pub use slices::{AnchorSimilarities, CosineSimilarities};

    #[cfg(feature = "torch")]
    mod alignment_uniformity;
    #[cfg(feature = "torch")]
    mod contrastive_loss;
    #[cfg(feature = "torch")]
    mod coupling;
    #[cfg(feature = "torch")]
    mod dcl;
    #[cfg(feature = "torch")]
    mod info_nce;
    #[cfg(feature = "torch")]
    mod similarity;

    #[cfg(feature = "torch")]
    pub use alignment_uniformity::{alignment, uniformity};
    #[cfg(feature = "torch")]
    pub use contrastive_loss::ContrastiveLoss;
    #[cfg(feature = "torch")]
    pub use coupling::{anchor_gradients, npc_multiplier};
    #[cfg(feature = "torch")]
    pub use dcl::{DCLLoss, DCLWLoss};
    #[cfg(feature = "torch")]
    pub use info_nce::InfoNCE;
}

/// The residual network that encodes images, the projection head, and their first weights.
#[cfg(feature = "torch")]
pub mod models {
    mod device;
    mod init;
    mod layers;
    mod projection_head;
    mod resnet;

    pub use device::{best_device, check_latent_size, seed_everything};
    pub use init::initialise;
    pub(crate) use layers::{BATCH_NORM_EPS, MAX_WIDTH, channels_last, linear};
    pub use projection_head::ProjectionHead;
    pub(crate) use resnet::BasicBlock;
    pub use resnet::{EncoderKind, ResNet};

    #[doc(hidden)]
    pub use crate::compat::models::*;
}

/// Files of tensors by name: what PyTorch, Lightning and safetensors write.
#[cfg(feature = "torch")]
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

#[cfg(feature = "torch")]
#[doc(hidden)]
pub use compat::train;
pub use error::{Error, Result};
#[cfg(feature = "torch")]
pub use {ndarray, plotters, tch};
