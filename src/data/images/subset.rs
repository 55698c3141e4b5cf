//! Selections of a data set's images.

use std::fmt;
use std::sync::Arc;

use super::ImageDataset;
use crate::{Error, Result};

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
