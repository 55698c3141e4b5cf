//! Shapes10: ten figures, drawn by a program, in CIFAR-10's shapes and types.

mod draw;
mod factors;
mod figures;

use std::fmt;

pub use factors::{Factor, Factors};

use super::ImageDataset;
use crate::{Error, Result};

/// Names of the ten figures, in the order of the class indices.
pub const SHAPES10_CLASSES: [&str; 10] = [
    "disc",
    "ring",
    "square",
    "triangle",
    "star",
    "cross",
    "crescent",
    "bars",
    "checkerboard",
    "dots",
];

/// How often each figure looks the same while it is turned once; a disc and a ring always do.
///
/// They are in the order of [`SHAPES10_CLASSES`].
pub const SHAPES10_SYMMETRIES: [Option<u32>; 10] =
    [None, None, Some(4), Some(3), Some(5), Some(4), Some(1), Some(2), Some(4), Some(5)];

/// Rows and columns of an image.
pub const SHAPES10_SIZE: usize = 32;

/// How figure and ground are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// Random grey levels with a slight tint. Colour says nothing about the image, so two views
    /// can only be recognised as a pair by their shape.
    #[default]
    Muted,
    /// Random saturated colours. They differ from image to image and survive the augmentations,
    /// so colour alone tells images apart: a shortcut past the shape.
    Vivid,
}

/// A synthetic data set of 32x32 RGB images of ten figures.
///
/// Position, scale, rotation, brightness, tint, shading and noise are random; the class is the
/// figure. Image `i` is a function of (`seed`, `palette`, `i`) alone and has class `i % 10`, so a
/// larger set begins with the smaller one and every stretch is balanced. Only additions,
/// multiplications, divisions and square roots are used, which IEEE 754 fixes to the last bit:
/// the bytes are the same on every machine.
///
/// | name | default | range |
/// |---|---|---|
/// | `num_images` | 10,000 | 1 to 1,000,000, which take 3 GB |
/// | `palette` | `Muted` | |
/// | `seed` | 42 | any |
///
/// ```
/// use twoviews::data::Shapes10;
/// let shapes = Shapes10 { num_images: 100, ..Default::default() }.generate()?;
/// assert_eq!(shapes.len(), 100);
/// assert_eq!(shapes.classes()[usize::from(shapes.targets()[4])], "star");
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shapes10 {
    /// Number of images.
    pub num_images: usize,
    /// Colouring.
    pub palette: Palette,
    /// Seed of all random draws.
    pub seed: u64,
}

impl Default for Shapes10 {
    fn default() -> Self {
        Self { num_images: 10_000, palette: Palette::Muted, seed: 42 }
    }
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Muted => "muted",
            Self::Vivid => "vivid",
        })
    }
}

impl Shapes10 {
    /// Draws the images.
    ///
    /// # Errors
    /// If `num_images` is out of its range.
    pub fn generate(&self) -> Result<ImageDataset> {
        self.check()?;
        let bytes_per_image = SHAPES10_SIZE * SHAPES10_SIZE * 3;
        if isize::try_from(self.num_images * bytes_per_image).is_err() {
            return Err(Error::parameter(
                "num_images",
                self.num_images,
                "at most 2 GB of images on a machine of 32 bits",
                "Draw at most 699,050 images.",
            ));
        }
        let mut pixels = vec![0; self.num_images * bytes_per_image];
        for (index, image) in pixels.chunks_exact_mut(bytes_per_image).enumerate() {
            draw::draw(image, index, self);
        }
        ImageDataset::new(
            &format!("Shapes10, synthetic, {}", self.palette),
            (SHAPES10_SIZE, SHAPES10_SIZE),
            pixels,
            (0..self.num_images).map(|i| (i % SHAPES10_CLASSES.len()) as u8).collect(),
            SHAPES10_CLASSES.map(str::to_owned).to_vec(),
        )
    }
    /// What image `index` was drawn from: where the figure lies, how large it is, how it is turned and coloured.
    ///
    /// ```
    /// use twoviews::data::{Factor, Shapes10};
    /// let factors = Shapes10::default().factors(4)?;
    /// assert_eq!(factors.class_name(), "star");
    /// assert!((11.5..19.5).contains(&factors.x) && (8.0..13.0).contains(&factors.size));
    /// assert_eq!(factors.values(Factor::Position), [factors.x, factors.y]);
    /// # Ok::<(), twoviews::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `index` is not below `num_images`, or `num_images` out of its range.
    pub fn factors(&self, index: usize) -> Result<Factors> {
        self.check()?;
        if index >= self.num_images {
            let hint = format!("There are {} images, counted from 0.", self.num_images);
            return Err(Error::parameter("index", index, "below num_images", hint));
        }
        Ok(Factors::of(&draw::Scene::draw(index, self).0))
    }

    fn check(&self) -> Result<()> {
        if (1..=1_000_000).contains(&self.num_images) {
            return Ok(());
        }
        Err(Error::parameter(
            "num_images",
            self.num_images,
            "in 1 to 1000000",
            "The default is 10,000; a multiple of 10 keeps the classes balanced.",
        ))
    }
}
