//! Gaussian blur, as torchvision computes it.

use super::{Transform, View, avx2, draw_in, exp};
use crate::rng::RandomStream;
use crate::{Error, Result};

/// Buffers that a view keeps from one image to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct BlurScratch {
    kernel: Vec<f32>,
    /// (height + kernel size - 1, width), the input with reflected rows
    tall: Vec<f32>,
    /// (width + kernel size - 1), one blurred column sum with reflected columns
    wide: Vec<f32>,
    row: Vec<f32>,
}

/// A blur with random standard deviation; it always acts.
///
/// | name | default | range |
/// |---|---|---|
/// | `kernel_size` | 9 | odd, >= 1, its half below the image's sides |
/// | `sigma` | (0.1, 2) | 1.2e-38 <= low <= high, in pixels |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianBlur {
    /// Pixels that are averaged in each direction.
    pub kernel_size: usize,
    /// Smallest and largest standard deviation.
    pub sigma: (f64, f64),
}

impl Default for GaussianBlur {
    fn default() -> Self {
        Self { kernel_size: 9, sigma: (0.1, 2.0) }
    }
}

impl GaussianBlur {
    /// A blur with torchvision's range of `sigma`.
    ///
    /// # Errors
    /// If `kernel_size` is even.
    pub fn new(kernel_size: usize) -> Result<Self> {
        let blur = Self { kernel_size, ..Self::default() };
        blur.check()?;
        Ok(blur)
    }

    /// The standard deviation for one view, in pixels.
    ///
    /// # Errors
    /// If a parameter is outside its range.
    pub fn draw(&self, random: &mut RandomStream) -> Result<f64> {
        self.check()?;
        // float32, as torch draws it
        Ok(f64::from(draw_in(random, self.sigma) as f32))
    }
}

impl Transform for GaussianBlur {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        let sigma = self.draw(random)?;
        gaussian_blur(view, self.kernel_size, sigma)
    }

    fn check(&self) -> Result<()> {
        check_kernel_size(self.kernel_size)?;
        let (low, high) = self.sigma;
        if !(is_sigma(low) && low <= high && high.is_finite()) {
            let value = format!("({low}, {high})");
            let hint = "torchvision's default is (0.1, 2).";
            return Err(Error::parameter("sigma", value, "1.2e-38 <= low <= high", hint));
        }
        Ok(())
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// A deviation by which float32, in which the weights are computed, can divide.
fn is_sigma(sigma: f64) -> bool {
    sigma >= f64::from(f32::MIN_POSITIVE) && sigma.is_finite()
}

fn check_kernel_size(kernel_size: usize) -> Result<()> {
    if kernel_size % 2 == 1 {
        return Ok(());
    }
    let hint = "The tutorial uses 9 for images of 32 pixels.";
    Err(Error::parameter("kernel_size", kernel_size, "odd", hint))
}

/// Position `i` of a line that begins `half` before an axis of `length`, reflected at both ends
/// without repeating the edge.
fn reflect(i: usize, half: usize, length: usize) -> usize {
    let position = i.abs_diff(half);
    if position < length { position } else { 2 * (length - 1) - position }
}

/// Rounds a number in [0, 255.5), half to even: in float32 the spacing at 2^23 is exactly 1.
fn round_to_byte(x: f32) -> u8 {
    (x + 8_388_608.0).to_bits() as u8
}

/// Averages with weights exp(-d^2 / (2 sigma^2)), d = -(k-1)/2 ... (k-1)/2 in both directions, over
/// reflected edges, in float32, rounded half to even.
///
/// # Errors
/// If `kernel_size` is even or needs more than one reflection, `sigma` is not finite or
/// below 1.2e-38, or the view is a tensor already.
pub fn gaussian_blur(view: &mut View, kernel_size: usize, sigma: f64) -> Result<()> {
    view.expect_image()?;
    check_kernel_size(kernel_size)?;
    if !is_sigma(sigma) {
        let hint = "torchvision draws from (0.1, 2).";
        return Err(Error::parameter("sigma", sigma, "finite and >= 1.2e-38", hint));
    }
    let half = kernel_size / 2;
    let (height, width) = (view.height, view.width);
    if half >= height.min(width) {
        let hint = format!("The image has {height} rows and {width} columns.");
        let allowed = "half of it below the image's sides";
        return Err(Error::parameter("kernel_size", kernel_size, allowed, hint));
    }
    let scratch = &mut view.blur;
    scratch.kernel.clear();
    scratch.kernel.extend((0..kernel_size).map(|i| {
        let distance = (i as f32 - half as f32) / sigma as f32;
        exp(-0.5 * distance * distance)
    }));
    let sum: f32 = scratch.kernel.iter().sum();
    scratch.kernel.iter_mut().for_each(|weight| *weight /= sum);
    for plane in view.planes.chunks_exact_mut(height * width) {
        avx2::run(BlurPlane { plane, width, scratch });
    }
    Ok(())
}

/// Both directions on one channel. AVX2 has no fused multiply-add: the sums are the same with it.
struct BlurPlane<'a> {
    plane: &'a mut [u8],
    width: usize,
    scratch: &'a mut BlurScratch,
}

impl avx2::Loop for BlurPlane<'_> {
    #[inline(always)]
    fn run(self) {
        blur_plane(self.plane, self.width, self.scratch);
    }
}

#[inline(always)]
fn blur_plane(plane: &mut [u8], width: usize, scratch: &mut BlurScratch) {
    let BlurScratch { kernel, tall, wide, row } = scratch;
    let (half, height) = (kernel.len() / 2, plane.len() / width);
    tall.resize((height + 2 * half) * width, 0.0);
    for (y, tall_row) in tall.chunks_exact_mut(width).enumerate() {
        let source = &plane[reflect(y, half, height) * width..][..width];
        for (value, &p) in tall_row.iter_mut().zip(source) {
            *value = f32::from(p);
        }
    }
    wide.resize(width + 2 * half, 0.0);
    row.resize(width, 0.0);
    for (y, target) in plane.chunks_exact_mut(width).enumerate() {
        row.fill(0.0);
        for (source, &weight) in tall[y * width..].chunks_exact(width).zip(kernel.iter()) {
            add_scaled(row, source, weight);
        }
        for (x, value) in wide.iter_mut().enumerate() {
            *value = row[reflect(x, half, width)];
        }
        row.fill(0.0);
        for (k, &weight) in kernel.iter().enumerate() {
            add_scaled(row, &wide[k..k + width], weight);
        }
        for (out, &value) in target.iter_mut().zip(row.iter()) {
            *out = round_to_byte(value);
        }
    }
}

#[inline(always)]
fn add_scaled(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}
