//! Labelled images in memory and selections of them.

use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// One RGB image, 8 bits a channel, in PIL's order: row, column, channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `height * width * 3` bytes.
    pub pixels: Vec<u8>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}x{} RGB)", self.width, self.height)
    }
}

/// Labelled RGB images of one size, as `u8` in memory; a clone shares the memory.
#[derive(Clone)]
pub struct ImageDataset {
    name: Arc<str>,
    height: usize,
    width: usize,
    /// (N, height, width, 3), as in torchvision's `CIFAR10.data`
    pixels: Arc<Vec<u8>>,
    targets: Arc<Vec<u8>>,
    classes: Arc<Vec<String>>,
}

impl ImageDataset {
    /// Images from `pixels` in the order (N, height, width, 3).
    ///
    /// # Errors
    /// If an image has no pixel, the number of bytes does not fit the number of targets (greyscale
    /// images are named as such), or a target names no class.
    pub fn new(
        name: &str,
        (height, width): (usize, usize),
        pixels: Vec<u8>,
        targets: Vec<u8>,
        classes: Vec<String>,
    ) -> Result<Self> {
        check_pixels(pixels.len(), targets.len(), (height, width))?;
        if let Some((i, &target)) =
            targets.iter().enumerate().find(|&(_, &t)| usize::from(t) >= classes.len())
        {
            return Err(Error::parameter(
                "target",
                target,
                "an index into the class names",
                format!("Image {i} of {name} has it; there are {} classes.", classes.len()),
            ));
        }
        Ok(Self {
            name: name.into(),
            height,
            width,
            pixels: Arc::new(pixels),
            targets: Arc::new(targets),
            classes: Arc::new(classes),
        })
    }

    /// The data set's name, for figures and messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Rows and columns of every image.
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// The bytes of image `index`, row by row, channels last.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn pixels(&self, index: usize) -> &[u8] {
        let size = self.height * self.width * 3;
        &self.pixels[index * size..(index + 1) * size]
    }

    /// A copy of image `index`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> Image {
        Image { height: self.height, width: self.width, pixels: self.pixels(index).to_vec() }
    }

    /// The class index of every image.
    pub fn targets(&self) -> &[u8] {
        &self.targets
    }

    /// The class name of image `index`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn class_name(&self, index: usize) -> &str {
        &self.classes[usize::from(self.targets[index])]
    }

    /// The class names, in the order of the class indices.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
}

impl fmt::Debug for ImageDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} images of {}x{}, {} classes",
            self.name,
            self.len(),
            self.width,
            self.height,
            self.classes.len()
        )
    }
}

/// Refuses `bytes` that are not `images` RGB images of `height` x `width` pixels.
pub(crate) fn check_pixels(
    bytes: usize,
    images: usize,
    (height, width): (usize, usize),
) -> Result<()> {
    // As wide as the product of four sizes can be, so that nothing wraps.
    let of =
        |channels: u128| (images as u128 * channels).checked_mul(height as u128 * width as u128);
    let found = Some(bytes as u128);
    if height.min(width) > 0 && of(3) == found {
        return Ok(());
    }
    let hint = if height.min(width) == 0 {
        "Every image needs at least one pixel."
    } else if of(1) == found && images > 0 {
        "These are greyscale images: give each byte three times, as red, green and blue."
    } else if of(4) == found && images > 0 {
        "A fourth byte of each pixel is usually opacity: leave it out."
    } else {
        "Give red, green and blue of each pixel, row by row, and one target for each image."
    };
    Err(Error::Shape {
        name: "pixels",
        found: vec![bytes as i64],
        expected: format!("{images} x {height} x {width} x 3 bytes"),
        hint: hint.into(),
    })
}

/// Some images of a data set, in a given order (torchvision's `Subset`).
#[derive(Clone)]
pub struct Subset {
    dataset: ImageDataset,
    indices: Arc<[usize]>,
}

impl Subset {
    /// The images of `dataset` at `indices`, in that order.
    ///
    /// # Errors
    /// If an index is not below the number of images.
    pub fn new(dataset: &ImageDataset, indices: &[usize]) -> Result<Self> {
        if let Some(&index) = indices.iter().find(|&&i| i >= dataset.len()) {
            return Err(Error::parameter(
                "index",
                index,
                "below the number of images",
                format!("{} has {} images.", dataset.name(), dataset.len()),
            ));
        }
        Ok(Self { dataset: dataset.clone(), indices: indices.into() })
    }

    /// The data set that the images come from.
    pub fn dataset(&self) -> &ImageDataset {
        &self.dataset
    }

    /// Positions in the data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The class index of every image.
    pub fn targets(&self) -> Vec<u8> {
        self.indices.iter().map(|&i| self.dataset.targets()[i]).collect()
    }
}

impl From<ImageDataset> for Subset {
    fn from(dataset: ImageDataset) -> Self {
        let indices = (0..dataset.len()).collect();
        Self { dataset, indices }
    }
}

impl From<&ImageDataset> for Subset {
    fn from(dataset: &ImageDataset) -> Self {
        dataset.clone().into()
    }
}

impl From<&Subset> for Subset {
    fn from(subset: &Subset) -> Self {
        subset.clone()
    }
}

impl fmt::Debug for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}", self.len(), self.dataset)
    }
}
