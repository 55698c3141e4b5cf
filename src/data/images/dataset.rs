//! Labelled images in memory.

use std::fmt;
use std::sync::Arc;

use super::{Image, check_pixels};
use crate::{Error, Result};

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
    #[track_caller]
    pub fn pixels(&self, index: usize) -> &[u8] {
        self.check(index);
        let size = self.height * self.width * 3;
        &self.pixels[index * size..(index + 1) * size]
    }

    #[track_caller]
    fn check(&self, index: usize) {
        let len = self.len();
        assert!(index < len, "there is no image {index}: {} has {len}, counted from 0", self.name);
    }

    /// A copy of image `index`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    #[track_caller]
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
    #[track_caller]
    pub fn class_name(&self, index: usize) -> &str {
        self.check(index);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "there is no image 2: two has 2, counted from 0")]
    fn an_image_that_is_not_there_is_named() {
        let classes = vec!["a".to_owned()];
        let two = ImageDataset::new("two", (1, 1), vec![0; 6], vec![0, 0], classes).unwrap();
        assert_eq!(two.pixels(1), [0; 3]);
        two.image(2);
    }
}
