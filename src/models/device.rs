//! Where to compute, the seed, and the tutorial's check of its parameters.

use tch::Device;

use super::layers::check_width;
use crate::{Error, Result, tensor_input};

/// Width of the features of every published checkpoint.
const PRETRAINED_LATENT_SIZE: i64 = 128;

/// The first GPU if libtorch sees one, otherwise the CPU.
pub fn best_device() -> Device {
    tensor_input::best_device()
}

/// Seeds libtorch's generators, for tensors that a user draws with them, such as
/// `Tensor::randn`. Nothing in this crate uses them: initial weights, shuffling and augmentations
/// have seeds of their own.
pub fn seed_everything(seed: u64) {
    tch::manual_seed(seed as i64);
}

/// The tutorial's check: the published weights have 128 features.
///
/// # Errors
/// If `load_pretrained` is set together with another size, or the size is outside 1 to 16,384.
pub fn check_latent_size(latent_size: i64, load_pretrained: bool) -> Result<()> {
    check_width("latent_size", latent_size)?;
    if load_pretrained && latent_size != PRETRAINED_LATENT_SIZE {
        return Err(Error::parameter(
            "latent_size",
            latent_size,
            "128 together with load_pretrained",
            "Use 128, or train from scratch with load_pretrained = false.",
        ));
    }
    Ok(())
}
