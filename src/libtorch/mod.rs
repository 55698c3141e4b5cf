//! What libtorch can do and tch does not hand on, for convolutions of our own.

mod autograd;
mod threads;

pub(crate) use autograd::with_gradient;
pub(crate) use threads::parallel;
