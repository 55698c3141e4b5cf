//! Contrastive losses: one equation, one function.

use tch::Tensor;

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

    /// The scalar loss of embeddings `z1` and `z2`, each (N, D); they need not be normalised.
    ///
    /// # Errors
    /// If the shapes differ, N < 2, or a value is not finite.
    fn forward(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor>;
}
