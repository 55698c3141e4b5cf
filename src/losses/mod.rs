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
    /// If the shapes differ, N < 2, the embeddings are no floating-point numbers or hold NaN or
    /// infinity, or the temperature is so small that similarities leave their kind's range.
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

/// Refuses a temperature that would be 0, or whose inverse infinity, in float32.
pub(crate) fn check_float32(temperature: f64) -> Result<()> {
    if temperature >= f64::from(f32::MIN_POSITIVE) {
        return Ok(());
    }
    Err(Error::parameter(
        "temperature",
        temperature,
        "at least 1.2e-38, below which float32 holds no number in full",
        "The tutorial uses 0.07; nothing is learnt at such a temperature.",
    ))
}
