//! Pillow's bilinear resize, in its fixed-point arithmetic.

use super::{CropParams, View};
use crate::{Error, Result};

/// Fractional bits of a weight: 32 minus 8 for the byte and 2 for the sum.
const PRECISION: u32 = 22;

/// Weights of the input pixels for each output pixel of one direction.
#[derive(Clone, Debug, Default)]
struct Weights {
    /// First input pixel and number of input pixels of each output pixel.
    bounds: Vec<(usize, usize)>,
    /// `stride` weights for each output pixel; those behind the number are 0.
    fixed: Vec<i32>,
    stride: usize,
    /// Triangle weights before they are normalised.
    triangle: Vec<f64>,
}

impl Weights {
    /// A triangle of half-width max(input / output, 1) around each output pixel's centre.
    fn compute(&mut self, input: usize, output: usize) {
        let scale = input as f64 / output as f64;
        let support = scale.max(1.0);
        self.stride = support.ceil() as usize * 2 + 1;
        self.bounds.clear();
        self.fixed.clear();
        self.fixed.resize(output * self.stride, 0);
        for (x, fixed) in self.fixed.chunks_exact_mut(self.stride).enumerate() {
            let center = (x as f64 + 0.5) * scale;
            let low = (center - support + 0.5).max(0.0) as usize;
            let high = ((center + support + 0.5) as usize).min(input);
            self.triangle.clear();
            self.triangle.extend((low..high).map(|i| {
                let distance = ((i as f64 - center + 0.5) * (1.0 / support)).abs();
                (1.0 - distance).max(0.0)
            }));
            let sum: f64 = self.triangle.iter().sum();
            for (fixed, &weight) in fixed.iter_mut().zip(&self.triangle) {
                *fixed = (0.5 + weight / sum * f64::from(1u32 << PRECISION)) as i32;
            }
            self.bounds.push((low, high - low));
        }
    }
}

/// Buffers that a view keeps from one image to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct ResizeScratch {
    weights: Weights,
    /// (3, height, width) of the crop, and of the image after one direction
    input: Vec<u8>,
    output: Vec<u8>,
    sums: Vec<i32>,
}

/// A byte from a sum of weighted bytes that began with one half.
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

/// Cuts `crop` out of the view and resizes it to `size` = (height, width), bilinear with
/// antialiasing, one direction after the other, rounded to bytes in between.
///
/// The rows are resized first, unless the height shrinks by more than twice what the width does:
/// this order is that of Pillow 13, older versions always begin with the rows. It matters only where
/// an image is made smaller.
///
/// # Errors
/// If the crop is empty or leaves the image, a side of `size` is outside 1 to 16,384, or the view is a tensor already.
pub fn resized_crop(view: &mut View, crop: CropParams, size: (usize, usize)) -> Result<()> {
    view.expect_image()?;
    let CropParams { top, left, height, width } = crop;
    let fits = |first: usize, length: usize, all: usize| {
        length > 0 && first.checked_add(length).is_some_and(|end| end <= all)
    };
    if !(fits(top, height, view.height) && fits(left, width, view.width)) {
        return Err(Error::parameter(
            "crop",
            format!("{crop:?}"),
            "at least one pixel, inside the image",
            format!("The image has {} rows and {} columns.", view.height, view.width),
        ));
    }
    check_size(size)?;
    let (out_height, out_width) = size;
    let scratch = &mut view.resize;
    scratch.input.clear();
    for plane in view.planes.chunks_exact(view.height * view.width) {
        for row in plane.chunks_exact(view.width).skip(top).take(height) {
            scratch.input.extend_from_slice(&row[left..left + width]);
        }
    }
    let shrinks = (height as i64 - out_height as i64, width as i64 - out_width as i64);
    if shrinks.0 > 0 && shrinks.0 > 2 * shrinks.1 {
        scratch.resize_columns(height, width, out_height);
        scratch.resize_rows(width, out_width);
    } else {
        scratch.resize_rows(width, out_width);
        scratch.resize_columns(height, out_width, out_height);
    }
    std::mem::swap(&mut view.planes, &mut scratch.input);
    (view.height, view.width) = size;
    Ok(())
}

/// Refuses an image without pixels, and one that memory has no room for.
pub(super) fn check_size((height, width): (usize, usize)) -> Result<()> {
    let allowed = 1..=16_384;
    if allowed.contains(&height) && allowed.contains(&width) {
        return Ok(());
    }
    let hint = "CIFAR-10's images have 32 pixels a side.";
    Err(Error::parameter("size", format!("{height}x{width}"), "sides of 1 to 16384 pixels", hint))
}

impl ResizeScratch {
    /// Every row of `input` from `width` to `out_width` pixels.
    fn resize_rows(&mut self, width: usize, out_width: usize) {
        if width == out_width {
            return;
        }
        self.weights.compute(width, out_width);
        let Weights { bounds, fixed, stride, .. } = &self.weights;
        self.output.resize(self.input.len() / width * out_width, 0);
        let rows = self.input.chunks_exact(width);
        for (row, target) in rows.zip(self.output.chunks_exact_mut(out_width)) {
            let weights = bounds.iter().zip(fixed.chunks_exact(*stride));
            for (out, (&(low, count), fixed)) in target.iter_mut().zip(weights) {
                let pixels = row[low..low + count].iter().zip(fixed);
                *out = to_byte(pixels.fold(HALF, |sum, (&p, &w)| sum + i32::from(p) * w));
            }
        }
        std::mem::swap(&mut self.input, &mut self.output);
    }

    /// Every column of `input`, three planes `width` pixels wide, from `height` to `out_height`.
    fn resize_columns(&mut self, height: usize, width: usize, out_height: usize) {
        if height == out_height {
            return;
        }
        self.weights.compute(height, out_height);
        let Weights { bounds, fixed, stride, .. } = &self.weights;
        self.output.resize(3 * out_height * width, 0);
        self.sums.resize(width, 0);
        let planes = self.input.chunks_exact(height * width);
        for (plane, target) in planes.zip(self.output.chunks_exact_mut(out_height * width)) {
            let weights = bounds.iter().zip(fixed.chunks_exact(*stride));
            for (out, (&(low, count), fixed)) in target.chunks_exact_mut(width).zip(weights) {
                self.sums.fill(HALF);
                let rows = plane[low * width..].chunks_exact(width);
                for (row, &w) in rows.zip(&fixed[..count]) {
                    for (sum, &p) in self.sums.iter_mut().zip(row) {
                        *sum += i32::from(p) * w;
                    }
                }
                for (out, &sum) in out.iter_mut().zip(&self.sums) {
                    *out = to_byte(sum);
                }
            }
        }
        std::mem::swap(&mut self.input, &mut self.output);
    }
}
