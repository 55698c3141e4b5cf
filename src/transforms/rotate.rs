//! Quarter turns.

use super::{Transform, View, check_probability};
use crate::Result;
use crate::rng::RandomStream;

/// Turns an image by 0, 90, 180 or 270 degrees, all equally likely, with probability `p`; else it stays
/// (albumentations' `RandomRotate90`).
///
/// For images without an upright direction, such as [`Shapes10`](crate::data::Shapes10)'s figures. No pixel is
/// interpolated and none is lost.
///
/// | name | default | range |
/// |---|---|---|
/// | `p` | 1 | 0 to 1 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomRotate90 {
    /// Probability that a turn is drawn.
    pub p: f64,
}

impl Default for RandomRotate90 {
    fn default() -> Self {
        Self { p: 1.0 }
    }
}

impl RandomRotate90 {
    /// A random turn with probability `p`.
    ///
    /// # Errors
    /// If `p` is outside 0 to 1.
    pub fn new(p: f64) -> Result<Self> {
        check_probability(p)?;
        Ok(Self { p })
    }
}

impl Transform for RandomRotate90 {
    fn apply(&self, view: &mut View, random: &mut RandomStream) -> Result<()> {
        self.check()?;
        if !random.chance(self.p) {
            return Ok(());
        }
        rot90(view, random.below(4))
    }

    fn check(&self) -> Result<()> {
        check_probability(self.p)
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// Turns the image by `turns` times 90 degrees, counter-clockwise (NumPy's `rot90`); rows become columns.
///
/// ```
/// use twoviews::data::Image;
/// use twoviews::transforms::{View, rot90};
/// // One row, red then blue: after a quarter turn blue is on top.
/// let mut view = View::from_image(&Image { height: 1, width: 2, pixels: vec![255, 0, 0, 0, 0, 255] })?;
/// rot90(&mut view, 1)?;
/// let turned = view.to_image()?;
/// assert_eq!((turned.height, turned.width, turned.pixels), (2, 1, vec![0, 0, 255, 255, 0, 0]));
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// If the view is a tensor already.
pub fn rot90(view: &mut View, turns: u32) -> Result<()> {
    view.expect_image()?;
    let (height, width) = (view.height, view.width);
    if turns % 4 == 2 {
        view.planes.chunks_exact_mut(height * width).for_each(<[u8]>::reverse);
    }
    if turns % 2 == 1 {
        let mut turned = vec![0; height * width];
        for plane in view.planes.chunks_exact_mut(height * width) {
            for (i, pixel) in turned.iter_mut().enumerate() {
                // (row, column) of the result, which has as many rows as the image has columns
                let (row, column) = (i / height, i % height);
                *pixel = match turns % 4 {
                    1 => plane[column * width + width - 1 - row],
                    _ => plane[(height - 1 - column) * width + row],
                };
            }
            plane.copy_from_slice(&turned);
        }
        (view.height, view.width) = (width, height);
    }
    Ok(())
}
