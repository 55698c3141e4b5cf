//! Where to crop, and whether to flip.

use super::resize::check_size;
use super::{Transform, View, check_probability, draw_in, exp, ln, resized_crop};
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
