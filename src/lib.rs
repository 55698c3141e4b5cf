//! Contrastive learning from two views: SimCLR and DCL, from the image archive to the accuracy.
//!
//! # Reading order
//!
//! The modules stand in the order in which the data flows:
//! [`data`] (images and subsets) → [`transforms`] (two random views) → [`loaders`] (batches) →
//! [`models`] (encoder and projection head) → [`losses`] (InfoNCE, DCL) → [`train`] (the loop) → [`weights`] (checkpoints)
//! → [`probes`] (accuracy) → [`plot`] (figures). [`notebook`] shows progress; [`rng`] makes the
//! draws repeatable; [`error`] says what went wrong.
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

mod atomic_write;
mod compat;
pub mod error;
#[cfg(target_arch = "x86_64")]
mod libtorch;
pub mod loaders;
pub mod losses;
mod memory;
pub mod models;
pub mod notebook;
pub mod plot;
pub mod prelude;
pub mod probes;
pub mod rng;
mod tensor_input;
pub mod train;
pub mod transforms;
pub mod weights;

/// Images in memory: data sets and subsets, CIFAR-10 and Shapes10; downloads and their cache.
pub mod data {
    mod cache;
    mod cifar10;
    pub(crate) mod download;
    mod images;
    mod shapes10;

    pub use cifar10::{CIFAR10_CLASSES, CIFAR10_MD5, CIFAR10_URL, Cifar10, Cifar10Config};
    pub use download::{download, md5_of};
    pub(crate) use images::check_pixels;
    pub use images::{Image, ImageDataset, Subset};
    pub use shapes10::{Palette, SHAPES10_CLASSES, SHAPES10_SIZE, Shapes10};

    #[doc(hidden)]
    pub use crate::compat::data::*;
}

pub use error::{Error, Result};
pub use {ndarray, plotters, tch};
