//! Brightness, contrast, saturation and grayscale, as Pillow's `ImageEnhance` computes them.

use super::{Transform, View, adjust_hue, check_probability, draw_in};
use crate::rng::RandomStream;
use crate::{Error, Result};

/// One of the four changes of [`ColorJitter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitterStep {
    /// [`adjust_brightness`]
    Brightness,
    /// [`adjust_contrast`]
    Contrast,
    /// [`adjust_saturation`]
    Saturation,
    /// [`adjust_hue`]
    Hue,
}

/// What [`ColorJitter`] does to one view: factors, and the order in which they act.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JitterParams {
    /// The order of the four steps.
    pub order: [JitterStep; 4],
    /// Factor of the brightness; `None` leaves it.
    pub brightness: Option<f64>,
    /// Factor of the contrast; `None` leaves it.
    pub contrast: Option<f64>,
    /// Factor of the saturation; `None` leaves it.
    pub saturation: Option<f64>,
    /// Shift of the hue, in turns; `None` leaves it.
    pub hue: Option<f64>,
}

impl JitterParams {
    /// Applies the steps in their order.
    ///
    /// # Errors
    /// If a factor is outside its range or the view is a tensor already.
    pub fn apply(&self, view: &mut View) -> Result<()> {
        for step in self.order {
            match step {
                JitterStep::Brightness => self.brightness.map(|f| adjust_brightness(view, f)),
                JitterStep::Contrast => self.contrast.map(|f| adjust_contrast(view, f)),
                JitterStep::Saturation => self.saturation.map(|f| adjust_saturation(view, f)),
                JitterStep::Hue => self.hue.map(|f| adjust_hue(view, f)),
            }
            .transpose()?;
        }
        Ok(())
    }
}

/// Random brightness, contrast, saturation and hue, in random order.
///
/// Each factor is uniform in its range; all 24 orders are equally likely. A range of (1, 1), for
/// the hue (0, 0), leaves the property as it is.
///
/// | name | default | range |
/// |---|---|---|
/// | `brightness`, `contrast`, `saturation` | (1, 1) | 0 <= low <= high |
/// | `hue` | (0, 0) | -0.5 <= low <= high <= 0.5, in turns |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorJitter {
    /// Smallest and largest factor of the brightness.
    pub brightness: (f64, f64),
    /// Smallest and largest factor of the contrast.
    pub contrast: (f64, f64),
    /// Smallest and largest factor of the saturation.
    pub saturation: (f64, f64),
    /// Smallest and largest shift of the hue.
    pub hue: (f64, f64),
}

impl Default for ColorJitter {
    fn default() -> Self {
        Self {
            brightness: (1.0, 1.0),
            contrast: (1.0, 1.0),
            saturation: (1.0, 1.0),
            hue: (0.0, 0.0),
        }
    }
}

impl ColorJitter {
    /// torchvision's single numbers: factors in [max(0, 1 - x), 1 + x], hue in [-x, x].
    ///
    /// # Errors
    /// If a number is negative or not finite, or `hue` is above 0.5.
    pub fn new(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Result<Self> {
        let strengths = [
            ("brightness", brightness),
            ("contrast", contrast),
            ("saturation", saturation),
            ("hue", hue),
        ];
        for (name, value) in strengths {
            if !(value >= 0.0 && value.is_finite()) {
                let hint = "The tutorial uses ColorJitter::new(0.8, 0.8, 0.8, 0.2).";
                return Err(Error::parameter(name, value, "finite and >= 0", hint));
            }
        }
        let around_one = |x: f64| ((1.0 - x).max(0.0), 1.0 + x);
        let jitter = Self {
            brightness: around_one(brightness),
            contrast: around_one(contrast),
            saturation: around_one(saturation),
            hue: (-hue, hue),
        };
        jitter.check()?;
        Ok(jitter)
    }

    /// The factors and their order for one view.
    ///
    /// # Errors
    /// If a range is not allowed.
    pub fn draw(&self, random: &mut RandomStream) -> Result<JitterParams> {
        use JitterStep::{Brightness, Contrast, Hue, Saturation};
        self.check()?;
        let mut order = [Brightness, Contrast, Saturation, Hue];
        random.shuffle(&mut order);
        let mut factor = |range, none| (range != (none, none)).then(|| draw_in(random, range));
        Ok(JitterParams {
            order,
            brightness: factor(self.brightness, 1.0),
            contrast: factor(self.contrast, 1.0),
            saturation: factor(self.saturation, 1.0),
            hue: factor(self.hue, 0.0),
        })
    }
}

impl Transform for ColorJitter {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        self.draw(random)?.apply(view)
    }

    fn check(&self) -> Result<()> {
        let factors = [
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ];
        for (name, (low, high)) in factors {
            if !(0.0 <= low && low <= high && high <= f64::from(f32::MAX)) {
                let value = format!("({low}, {high})");
                let hint = "torchvision's range for 0.8 is (0.2, 1.8).";
                let allowed = "0 <= low <= high, within float32";
                return Err(Error::parameter(name, value, allowed, hint));
            }
        }
        let (low, high) = self.hue;
        if !(-0.5 <= low && low <= high && high <= 0.5) {
            let value = format!("({low}, {high})");
            let hint = "The hue is a circle: 0.5 is half a turn.";
            return Err(Error::parameter("hue", value, "-0.5 <= low <= high <= 0.5", hint));
        }
        Ok(())
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// L = (19595 R + 38470 G + 7471 B + 32768) / 65536, Pillow's luma after ITU-R BT.601.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 0x8000) >> 16) as u8
}

/// Fills `view.luma`.
fn compute_luma(view: &mut View) {
    let size = view.height * view.width;
    view.luma.resize(size, 0);
    let (red, rest) = view.planes.split_at(size);
    let (green, blue) = rest.split_at(size);
    for (((l, &r), &g), &b) in view.luma.iter_mut().zip(red).zip(green).zip(blue) {
        *l = luma(r, g, b);
    }
}

/// d + alpha (x - d) in float32, clipped and truncated: Pillow's `Image.blend`.
#[allow(unsafe_code, reason = "a cast that does not keep loops from being vectorised")]
fn blend(degenerate: u8, x: u8, alpha: f32) -> u8 {
    let d = i32::from(degenerate);
    let value = d as f32 + alpha * (i32::from(x) - d) as f32;
    let clipped = value.clamp(0.0, 255.0);
    // SAFETY: the factor was checked to be finite, so `clipped` is a number in [0, 255]. A
    // saturating cast would keep the loop from being vectorised.
    unsafe { clipped.to_int_unchecked::<i32>() as u8 }
}

fn check_factor(name: &'static str, factor: f64) -> Result<f32> {
    if (0.0..=f64::from(f32::MAX)).contains(&factor) {
        return Ok(factor as f32);
    }
    Err(Error::parameter(name, factor, "finite and >= 0", "1 leaves the image as it is."))
}

/// Blends with black: trunc(factor * x), clipped.
///
/// # Errors
/// If `factor` is negative or not finite, or the view is a tensor already.
pub fn adjust_brightness(view: &mut View, factor: f64) -> Result<()> {
    let alpha = check_factor("brightness", factor)?;
    view.pixels_mut()?.iter_mut().for_each(|x| *x = blend(0, *x, alpha));
    Ok(())
}

/// Blends with one gray: the mean of the luma, rounded.
///
/// # Errors
/// If `factor` is negative or not finite, or the view is a tensor already.
pub fn adjust_contrast(view: &mut View, factor: f64) -> Result<()> {
    let alpha = check_factor("contrast", factor)?;
    view.expect_image()?;
    compute_luma(view);
    let sum: u64 = view.luma.iter().map(|&l| u64::from(l)).sum();
    let mean = (sum as f64 / view.luma.len() as f64 + 0.5) as u8;
    view.planes.iter_mut().for_each(|x| *x = blend(mean, *x, alpha));
    Ok(())
}

/// Blends with the luma of each pixel.
///
/// # Errors
/// If `factor` is negative or not finite, or the view is a tensor already.
pub fn adjust_saturation(view: &mut View, factor: f64) -> Result<()> {
    let alpha = check_factor("saturation", factor)?;
    view.expect_image()?;
    compute_luma(view);
    for plane in view.planes.chunks_exact_mut(view.luma.len()) {
        for (x, &l) in plane.iter_mut().zip(&view.luma) {
            *x = blend(l, *x, alpha);
        }
    }
    Ok(())
}

/// The luma in all three channels.
///
/// # Errors
/// If the view is a tensor already.
pub fn to_grayscale(view: &mut View) -> Result<()> {
    view.expect_image()?;
    compute_luma(view);
    for plane in view.planes.chunks_exact_mut(view.luma.len()) {
        plane.copy_from_slice(&view.luma);
    }
    Ok(())
}

/// Gray with probability `p` (default 0.1, in [0, 1]); the view keeps three channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomGrayscale {
    /// Probability.
    pub p: f64,
}

impl Default for RandomGrayscale {
    fn default() -> Self {
        Self { p: 0.1 }
    }
}

impl RandomGrayscale {
    /// Gray with probability `p`.
    ///
    /// # Errors
    /// If `p` is outside [0, 1].
    pub fn new(p: f64) -> Result<Self> {
        check_probability(p).map(|()| Self { p })
    }
}

impl Transform for RandomGrayscale {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        check_probability(self.p)?;
        if random.chance(self.p) { to_grayscale(view) } else { Ok(()) }
    }

    fn check(&self) -> Result<()> {
        check_probability(self.p)
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}
