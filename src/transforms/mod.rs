//! Random views of an image, with torchvision's names, parameters and bytes.
//!
//! Each random transform draws its parameters from a [`RandomStream`] and then applies a
//! deterministic function of them: `RandomResizedCrop::draw` and [`resized_crop`],
//! `ColorJitter::draw` and [`adjust_brightness`] and the like, `GaussianBlur::draw` and
//! [`gaussian_blur`]. Given the same parameters, these functions produce the bytes that torchvision
//! produces on PIL images. [`RandomRotate90`], which torchvision lacks, is albumentations'.

mod avx2;
mod blur;
mod color;
mod compose;
mod crop;
mod hue;
mod rotate;
mod tensor;
mod view;

pub use blur::{GaussianBlur, gaussian_blur};
pub use color::{
    ColorJitter, JitterParams, JitterStep, RandomGrayscale, adjust_brightness, adjust_contrast,
    adjust_saturation, to_grayscale,
};
pub use compose::{
    AnyTransform, Compose, MultiViewsTransform, RandomApply, Transform, simclr_transform,
    simclr_transform_of_size,
};
pub use crop::{CropParams, RandomHorizontalFlip, RandomResizedCrop, hflip, resized_crop};
pub use hue::adjust_hue;
pub use rotate::{RandomRotate90, rot90};
pub use tensor::{Normalize, ToTensor};
pub use view::View;

/// The former name of [`AnyTransform`].
#[deprecated(note = "renamed to AnyTransform")]
pub type Step = AnyTransform;

use crate::rng::RandomStream;
use crate::{Error, Result};

/// Refuses a probability outside [0, 1].
fn check_probability(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        return Ok(());
    }
    Err(Error::parameter("p", p, "in [0, 1]", "It is the probability that the transform acts."))
}

/// A number in `range`; a range of one point is that point.
fn draw_in(random: &mut RandomStream, range: (f64, f64)) -> f64 {
    random.uniform_range(range.0, range.1)
}

/// The exponential in float32, correctly rounded but for ties beyond float64: the last bit of the systems' own
/// functions of float32 differs from system to system, and with it bytes of views.
fn exp(x: f32) -> f32 {
    f64::from(x).exp() as f32
}

/// The logarithm in float32, likewise.
fn ln(x: f32) -> f32 {
    f64::from(x).ln() as f32
}
