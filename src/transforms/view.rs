//! The image on its way through the transforms.

use std::fmt;

use super::blur::BlurScratch;
use super::crop::ResizeScratch;
use crate::data::{Image, check_pixels};
use crate::{Error, Result};

/// One view of an image: 8-bit RGB planes first, float32 planes after [`ToTensor`](super::ToTensor).
///
/// The planes lie in the order of a tensor, (3, height, width), because that is how the arithmetic
/// vectorises and what the model reads in the end. A view keeps its buffers when the next image is
/// loaded, so a worker allocates nothing per image.
///
/// ```
/// use twoviews::data::Image;
/// use twoviews::transforms::View;
/// let image = Image { height: 1, width: 2, pixels: vec![1, 2, 3, 4, 5, 6] };
/// let view = View::from_image(&image)?;
/// assert_eq!(view.pixels()?, [1, 4, 2, 5, 3, 6]);
/// assert_eq!(view.to_image()?, image);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct View {
    pub(super) height: usize,
    pub(super) width: usize,
    /// (3, height, width), meaningful until the view is a tensor
    pub(super) planes: Vec<u8>,
    /// (3, height, width), meaningful once the view is a tensor
    pub(super) values: Vec<f32>,
    pub(super) is_tensor: bool,
    pub(super) resize: ResizeScratch,
    pub(super) blur: BlurScratch,
    pub(super) luma: Vec<u8>,
}

impl View {
    /// A view that shows `image` as it is.
    ///
    /// # Errors
    /// If `image` has no pixel, or not `height * width * 3` bytes.
    pub fn from_image(image: &Image) -> Result<Self> {
        let mut view = Self::default();
        view.load(&image.pixels, (image.height, image.width))?;
        Ok(view)
    }

    /// Shows another image: `pixels` in PIL's order (row, column, channel) and its (height, width).
    ///
    /// # Errors
    /// If there is no pixel, or not `height * width * 3` bytes.
    pub fn load(&mut self, pixels: &[u8], (height, width): (usize, usize)) -> Result<()> {
        check_pixels(pixels.len(), 1, (height, width))?;
        let size = height * width;
        (self.height, self.width, self.is_tensor) = (height, width, false);
        self.planes.resize(size * 3, 0);
        let (red, rest) = self.planes.split_at_mut(size);
        let (green, blue) = rest.split_at_mut(size);
        for (((pixel, r), g), b) in pixels.as_chunks::<3>().0.iter().zip(red).zip(green).zip(blue) {
            [*r, *g, *b] = *pixel;
        }
        Ok(())
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The 8-bit planes, (3, height, width).
    ///
    /// # Errors
    /// If the view is a tensor already.
    pub fn pixels(&self) -> Result<&[u8]> {
        self.expect_image()?;
        Ok(&self.planes)
    }

    /// The 8-bit planes to write to, (3, height, width).
    ///
    /// # Errors
    /// If the view is a tensor already.
    pub fn pixels_mut(&mut self) -> Result<&mut [u8]> {
        self.expect_image()?;
        Ok(&mut self.planes)
    }

    /// The float32 planes, (3, height, width).
    ///
    /// # Errors
    /// If the view is not a tensor yet.
    pub fn values(&self) -> Result<&[f32]> {
        self.expect_tensor()?;
        Ok(&self.values)
    }

    /// The float32 planes to write to, (3, height, width).
    ///
    /// # Errors
    /// If the view is not a tensor yet.
    pub fn values_mut(&mut self) -> Result<&mut [f32]> {
        self.expect_tensor()?;
        Ok(&mut self.values)
    }

    /// A copy in PIL's order, to look at.
    ///
    /// # Errors
    /// If the view is a tensor already.
    pub fn to_image(&self) -> Result<Image> {
        let planes = self.pixels()?;
        let size = self.height * self.width;
        let pixels =
            (0..size).flat_map(|i| [planes[i], planes[size + i], planes[2 * size + i]]).collect();
        Ok(Image { height: self.height, width: self.width, pixels })
    }

    pub(super) fn expect_image(&self) -> Result<()> {
        if self.planes.is_empty() {
            return Err(Error::Shape {
                name: "view",
                found: vec![3, 0, 0],
                expected: "(3, height, width) with at least one pixel".into(),
                hint: "Load an image into it, or make it with View::from_image.".into(),
            });
        }
        if !self.is_tensor {
            return Ok(());
        }
        Err(Error::parameter(
            "transform",
            "a transform of 8-bit images after ToTensor",
            "crop, flip, colour and blur before ToTensor",
            "Put ToTensor behind them.",
        ))
    }

    fn expect_tensor(&self) -> Result<()> {
        if self.is_tensor {
            return Ok(());
        }
        Err(Error::parameter(
            "transform",
            "a list without ToTensor, or with Normalize before it",
            "ToTensor, then Normalize, at the end",
            "Add ToTensor, as in simclr_transform().",
        ))
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_tensor { "float32" } else { "8-bit" };
        write!(f, "View({}x{} RGB, {kind})", self.width, self.height)
    }
}
