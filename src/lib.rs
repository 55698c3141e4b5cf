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
pub mod data;
mod deprecated;
pub mod encode;
pub mod error;
pub mod estimator;
mod files;
#[cfg(target_arch = "x86_64")]
mod libtorch;
pub mod losses;
mod memory;
pub mod models;
pub mod notebook;
pub mod optim;
pub mod plot;
pub mod prelude;
pub mod probes;
pub mod rng;
mod temperature;
mod tensor_input;
pub mod transforms;
pub mod weights;

pub(crate) use cache::cache_folder;
pub use error::{Error, Result};
pub use {ndarray, plotters, tch};

/// Has moved to [`estimator`], [`optim`] and [`models`].
#[deprecated(note = "use twoviews::estimator, twoviews::optim and twoviews::models")]
pub mod train {
    pub use crate::estimator::{
        Checkpoints, ContrastiveConfig, FitOptions, History, Hook, OnlineKnn,
    };
    pub use crate::models::EncoderKind;
    pub use crate::optim::{LrScheduler, OptimizerKind, learning_rate};
}
