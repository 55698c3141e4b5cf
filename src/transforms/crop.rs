//! Where to crop, whether to flip, and Pillow's bilinear resize in its fixed-point arithmetic.

use super::{Transform, View, check_probability, draw_in, exp, ln};
use crate::rng::RandomStream;
use crate::{Error, Result};

/// The part of an image that is cut out, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CropParams {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// A crop of random area and aspect ratio, resized to `size`.
///
/// Up to ten tries: area ~ U(scale) * H * W and log(ratio) ~ U(log ratio) give the crop's sides,
/// rounded half to even; the first crop that fits is placed uniformly. If none fits, the largest
/// central crop with an allowed ratio is taken.
///
/// | name | default | range |
/// |---|---|---|
/// | `size` | none; `new(32)` is (32, 32) | (height, width), both 1 to 16,384 |
/// | `scale` | (0.08, 1) | 0 < low <= high <= 1 |
/// | `ratio` | (3/4, 4/3) | 0 < low <= high, width / height |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomResizedCrop {
    /// Height and width of the result, in pixels.
    pub size: (usize, usize),
    /// Smallest and largest part of the image's area.
    pub scale: (f64, f64),
    /// Smallest and largest width / height.
    pub ratio: (f64, f64),
}

impl Default for RandomResizedCrop {
    /// torchvision's ranges with CIFAR-10's size.
    fn default() -> Self {
        Self { size: (32, 32), scale: (0.08, 1.0), ratio: (3.0 / 4.0, 4.0 / 3.0) }
    }
}

impl RandomResizedCrop {
    /// A square result of `size` pixels, with torchvision's ranges.
    ///
    /// # Errors
    /// If `size` is outside 1 to 16,384.
    pub fn new(size: usize) -> Result<Self> {
        let crop = Self { size: (size, size), ..Self::default() };
        crop.check()?;
        Ok(crop)
    }

    /// The crop of an image of `height` x `width` pixels.
    ///
    /// # Errors
    /// If a parameter is outside its range, or a side of the image is 0 or does not fit 32 bits.
    pub fn draw(
        &self,
        height: usize,
        width: usize,
        random: &mut RandomStream,
    ) -> Result<CropParams> {
        self.check()?;
        for (name, side) in [("height", height), ("width", width)] {
            if side == 0 || u32::try_from(side).is_err() {
                let hint = "Give the sides of the image that is to be cropped.";
                return Err(Error::parameter(name, side, ">= 1, below 2^32", hint));
            }
        }
        let (h, w) = (height as f64, width as f64);
        let log_ratio = (f64::from(ln(self.ratio.0 as f32)), f64::from(ln(self.ratio.1 as f32)));
        for _ in 0..10 {
            // float32 draws, as torch makes them
            let area = h * w * f64::from(draw_in(random, self.scale) as f32);
            let ratio = f64::from(exp(draw_in(random, log_ratio) as f32));
            let crop_w = (area * ratio).sqrt().round_ties_even() as usize;
            let crop_h = (area / ratio).sqrt().round_ties_even() as usize;
            if (1..=width).contains(&crop_w) && (1..=height).contains(&crop_h) {
                let top = random.below((height - crop_h + 1) as u32) as usize;
                let left = random.below((width - crop_w + 1) as u32) as usize;
                return Ok(CropParams { top, left, height: crop_h, width: crop_w });
            }
        }
        let (mut crop_h, mut crop_w) = (height, width);
        if w / h < self.ratio.0 {
            crop_h = ((w / self.ratio.0).round_ties_even() as usize).clamp(1, height);
        } else if w / h > self.ratio.1 {
            crop_w = ((h * self.ratio.1).round_ties_even() as usize).clamp(1, width);
        }
        let (top, left) = ((height - crop_h) / 2, (width - crop_w) / 2);
        Ok(CropParams { top, left, height: crop_h, width: crop_w })
    }
}

impl Transform for RandomResizedCrop {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        let crop = self.draw(view.height, view.width, random)?;
        resized_crop(view, crop, self.size)
    }

    fn check(&self) -> Result<()> {
        check_size(self.size)?;
        let (low, high) = self.scale;
        if !(low > 0.0 && low <= high && high <= 1.0) {
            let value = format!("({low}, {high})");
            let hint = "torchvision's default is (0.08, 1).";
            return Err(Error::parameter("scale", value, "0 < low <= high <= 1", hint));
        }
        let (low, high) = self.ratio;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            let value = format!("({low}, {high})");
            let hint = "torchvision's default is (3/4, 4/3).";
            return Err(Error::parameter("ratio", value, "0 < low <= high", hint));
        }
        Ok(())
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// Left becomes right.
///
/// # Errors
/// If the view is a tensor already.
pub fn hflip(view: &mut View) -> Result<()> {
    let width = view.width;
    view.pixels_mut()?.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    Ok(())
}

/// A mirror image with probability `p` (default 0.5, in [0, 1]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomHorizontalFlip {
    /// Probability.
    pub p: f64,
}

impl Default for RandomHorizontalFlip {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl RandomHorizontalFlip {
    /// A mirror image with probability `p`.
    ///
    /// # Errors
    /// If `p` is outside [0, 1].
    pub fn new(p: f64) -> Result<Self> {
        check_probability(p).map(|()| Self { p })
    }
}

impl Transform for RandomHorizontalFlip {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        check_probability(self.p)?;
        if random.chance(self.p) { hflip(view) } else { Ok(()) }
    }

    fn check(&self) -> Result<()> {
        check_probability(self.p)
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

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
