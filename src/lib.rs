//! Contrastive learning from two views: SimCLR and DCL, from the image archive to the accuracy.
//!
//! # Reading order
//!
//! The modules stand in the order in which the data flows:
//! [`data`] (images and subsets) → [`transforms`] (two random views) → [`loaders`] (batches) →
//! [`models`] (encoder and projection head) → [`losses`] (InfoNCE, DCL) → [`train`] (the loop) →
//! [`weights`] (checkpoints) → [`probes`] (accuracy) → [`plot`] (figures). [`notebook`] shows
//! progress; [`rng`] makes random numbers repeatable; [`error`] says what went wrong.
//!
//! # Without tensors
//!
//! Without its default feature `torch` the crate is [`rng`], [`data::Image`] and data sets in memory,
//! [`data::Shapes10`] and [`transforms`], and needs no libtorch: so a web page, for example, can
//! compute with the same code (`wasm32-unknown-unknown`).
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
pub mod transforms;

#[cfg(feature = "torch")]
mod atomic_write;
#[cfg(feature = "torch")]
mod compat;
#[cfg(all(feature = "torch", target_arch = "x86_64"))]
mod libtorch;
#[cfg(feature = "torch")]
pub mod loaders;
#[cfg(feature = "torch")]
pub mod losses;
#[cfg(feature = "torch")]
mod memory;
#[cfg(feature = "torch")]
pub mod models;
#[cfg(feature = "torch")]
pub mod notebook;
#[cfg(feature = "torch")]
pub mod plot;
#[cfg(feature = "torch")]
pub mod prelude;
#[cfg(feature = "torch")]
pub mod probes;
#[cfg(feature = "torch")]
mod tensor_input;
#[cfg(feature = "torch")]
pub mod train;
#[cfg(feature = "torch")]
pub mod weights;

/// Images in memory: data sets and subsets, CIFAR-10 and Shapes10; downloads and their cache.
// Declared here, not in `data/mod.rs`, so that one file says what depends on the feature.
pub mod data {
    mod images;
    mod shapes10;

    pub(crate) use images::check_pixels;
    pub use images::{Image, ImageDataset, Subset};
    pub use shapes10::{Palette, SHAPES10_CLASSES, SHAPES10_SIZE, Shapes10};

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

pub use error::{Error, Result};
#[cfg(feature = "torch")]
pub use {ndarray, plotters, tch};
