//! Contrastive learning from two views: SimCLR and DCL, from the image archive to the accuracy.
//!
//! # Reading order
//!
//! The modules stand in the order in which the data flows:
//! [`data`] (images and subsets) → [`transforms`] (two random views) → [`models`] (encoder and
//! projection head) → [`losses`] (InfoNCE, DCL) → [`train`] (the loop) → [`weights`] (checkpoints)
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

mod cache;
mod convolution;
pub mod data;
pub mod error;
mod files;
pub mod losses;
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

pub(crate) use cache::cache_folder;
pub use error::{Error, Result};
pub use {ndarray, plotters, tch};
