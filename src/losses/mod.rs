//! Contrastive losses: one equation, one function.
//!
//! Both losses look at a batch of N images through two views. With L2-normalised embeddings z and
//! temperature tau, anchor i has the similarity s_i = <z1_i, z2_i> / tau to its partner, and
//! S_i = sum over both views l and all j != i of exp(<z1_i, zl_j> / tau) collects its 2(N-1)
//! negatives.

mod dcl;
mod info_nce;
mod similarity;

pub use dcl::{DCLLoss, DCLWLoss};
pub use info_nce::InfoNCE;

use tch::Tensor;

use crate::{Error, Result};

/// A loss of two views' embeddings.
pub trait ContrastiveLoss: Sized + Clone + std::fmt::Debug + Send + 'static {
    /// The estimator that trains with it, as in figures: `SimCLR`, `DCL`, `DCLW`.
    const METHOD: &'static str;

    /// The loss at a temperature.
    ///
    /// # Errors
    /// If the temperature is not finite and positive.
    fn new(temperature: f64) -> Result<Self>;

    /// The temperature tau.
    fn temperature(&self) -> f64;

    /// The scalar loss of embeddings `z1` and `z2`, each (N, D); they need not be normalised.
    ///
    /// Half-precision embeddings are computed in float32.
    ///
    /// # Errors
    /// If the shapes differ, N < 2, or the embeddings hold NaN or infinity.
    fn forward(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor>;
}

/// Accepts a finite positive temperature.
fn check_temperature(temperature: f64) -> Result<f64> {
    if temperature > 0.0 && temperature.is_finite() {
        return Ok(temperature);
    }
    Err(Error::parameter(
        "temperature",
        temperature,
        "finite and > 0",
        "The tutorial uses 0.07, nidl's default is 0.1.",
    ))
}

/// Accepts a finite loss; the embeddings are the cause of any other.
fn check_finite(loss: Tensor) -> Result<Tensor> {
    if loss.double_value(&[]).is_finite() {
        return Ok(loss);
    }
    Err(Error::NonFinite {
        name: "loss",
        place: "because the embeddings z1 or z2 hold NaN or infinity".into(),
        hint: "Lower the learning rate, or look at the images for NaN.".into(),
    })
}
