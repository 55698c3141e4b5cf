//! What the training loop asks of a loss.

use tch::{Kind, Tensor};

use crate::Result;

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

    /// The loss of every anchor, (2N), those of the first view first: [`forward`](Self::forward) before its mean.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn per_anchor(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor>;

    /// The scalar loss of embeddings `z1` and `z2`, each (N, D); they need not be normalised.
    ///
    /// Half-precision embeddings are computed in float32.
    ///
    /// # Errors
    /// If the shapes differ, N < 2, the embeddings are no floating-point numbers or hold NaN or
    /// infinity, or the temperature is so small that similarities leave their kind's range.
    fn forward(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor> {
        Ok(self.per_anchor(z1, z2)?.f_mean(None::<Kind>)?)
    }
}
