//! Labelled images as normalised batches, in order.

use std::sync::atomic::AtomicBool;

use ndarray::{Array1, Array2};
use tch::{Kind, Tensor};

use super::prefetch::{BatchSource, Prefetch};
use crate::data::Subset;
use crate::transforms::Normalize;
use crate::{Error, Result};

/// Batches that a worker may be ahead.
const PREFETCH: usize = 2;

/// Images and their class indices.
#[derive(Debug)]
pub struct Batch {
    /// (B, 3, height, width), float32 in [-1, 1].
    pub images: Tensor,
    /// (B), int64.
    pub targets: Tensor,
}

/// Labelled images in batches, without shuffling; the last batch may be smaller.
///
/// Pixels are scaled as by torchvision's `ToTensor` and [`Normalize::default`], like the views that
/// [`simclr_transform`](crate::transforms::simclr_transform) makes: (p / 255 - 0.5) / 0.5.
///
/// | name | tutorial | range |
/// |---|---|---|
/// | `batch_size` | 256 | >= 1 |
/// | `num_workers` | 4 | 0 to 1,024; at most one thread for each processor, with 0 none but the calling one |
///
/// ```
/// use twoviews::data::Shapes10;
/// use twoviews::loaders::DataLoader;
/// let shapes = Shapes10 { num_images: 10, ..Default::default() }.generate()?;
/// let loader = DataLoader::new(shapes, 4, 0)?;
/// let sizes: Vec<i64> = loader.iter().map(|b| Ok(b?.images.size()[0])).collect::<twoviews::Result<_>>()?;
/// assert_eq!(sizes, [4, 4, 2]);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DataLoader {
    subset: Subset,
    batch_size: usize,
    num_workers: usize,
}

impl DataLoader {
    /// A loader of `subset`, or of a whole data set.
    ///
    /// # Errors
    /// If there is no image, `batch_size` is 0 or `num_workers` is above 1,024.
    pub fn new(subset: impl Into<Subset>, batch_size: usize, num_workers: usize) -> Result<Self> {
        Self::of(subset.into(), batch_size, num_workers)
    }

    fn of(subset: Subset, batch_size: usize, num_workers: usize) -> Result<Self> {
        if subset.is_empty() {
            let hint = "Choose at least one image.";
            return Err(Error::parameter("subset", "empty", "at least one image", hint));
        }
        if batch_size == 0 {
            return Err(Error::parameter("batch_size", 0, ">= 1", "The tutorial uses 256."));
        }
        check_workers(num_workers)?;
        Ok(Self { subset, batch_size, num_workers })
    }

    /// Number of images.
    #[expect(clippy::len_without_is_empty, reason = "a loader is never empty")]
    pub fn len(&self) -> usize {
        self.subset.len()
    }

    /// Number of batches.
    pub fn num_batches(&self) -> usize {
        self.subset.len().div_ceil(self.batch_size)
    }

    /// The images behind the batches.
    pub fn subset(&self) -> &Subset {
        &self.subset
    }

    /// All batches, from the first one. Workers stop when the iterator is dropped.
    pub fn iter(&self) -> Batches {
        let batches = self.num_batches();
        Batches(Prefetch::new(self.clone(), 0, batches, self.num_workers, PREFETCH))
    }

    /// Every image as its own features, (N, 3 height width) in [-1, 1], and the class indices (N):
    /// the baseline that a trained encoder has to beat.
    ///
    /// ```
    /// use twoviews::data::Shapes10;
    /// use twoviews::loaders::DataLoader;
    /// let shapes = Shapes10 { num_images: 10, ..Default::default() }.generate()?;
    /// let (x, y) = DataLoader::new(shapes, 4, 0)?.pixels()?;
    /// assert_eq!((x.dim(), y[3]), ((10, 3 * 32 * 32), 3));
    /// # Ok::<(), twoviews::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a batch cannot be loaded.
    pub fn pixels(&self) -> Result<(Array2<f32>, Array1<i64>)> {
        let (mut features, mut targets) = (Vec::new(), Vec::with_capacity(self.len()));
        for batch in self.iter() {
            let batch = batch?;
            features.extend(Vec::<f32>::try_from(batch.images.f_flatten(0, -1)?)?);
            targets.extend(Vec::<i64>::try_from(batch.targets)?);
        }
        labelled_rows(features, targets)
    }
}

impl BatchSource for DataLoader {
    type Batch = Batch;
    type Buffers = ();
    const WORKER: &'static str = "loader";
    const HINT: &'static str = "Try num_workers = 0 to see where it comes from";

    fn batch(&self, number: usize, (): &mut (), _: &AtomicBool) -> Result<Option<Batch>> {
        let start = number * self.batch_size;
        let indices = &self.subset.indices()[start..(start + self.batch_size).min(self.len())];
        let dataset = self.subset.dataset();
        let bytes: Vec<u8> = indices.iter().flat_map(|&i| dataset.pixels(i)).copied().collect();
        let targets: Vec<i64> = indices.iter().map(|&i| i64::from(dataset.targets()[i])).collect();
        let images = normalized(&bytes, indices.len(), dataset.size(), &Normalize::default())?;
        Ok(Some(Batch { images, targets: Tensor::f_from_slice(&targets)? }))
    }

    fn describe(&self, number: usize) -> String {
        format!("batch {number}")
    }
}

/// Bytes (B, height, width, 3) as what [`ToTensor`](crate::transforms::ToTensor) and `normalize`
/// make of them, (B, 3, height, width).
fn normalized(
    bytes: &[u8],
    images: usize,
    (height, width): (usize, usize),
    normalize: &Normalize,
) -> Result<Tensor> {
    // One value, or one a channel: (1, 1, 1) or (3, 1, 1).
    let per_channel = |values: &[f32]| Tensor::f_from_slice(values)?.f_view([-1, 1, 1]);
    Ok(Tensor::f_from_slice(bytes)?
        .f_view([images as i64, height as i64, width as i64, 3])?
        .f_permute([0, 3, 1, 2])?
        .f_contiguous()?
        .f_to_kind(Kind::Float)?
        .f_divide_scalar(255.0)?
        .f_sub(&per_channel(&normalize.mean)?)?
        .f_divide(&per_channel(&normalize.std)?)?)
}

/// Refuses more threads than any processor has.
pub(super) fn check_workers(num_workers: usize) -> Result<()> {
    if num_workers <= 1024 {
        return Ok(());
    }
    let hint = "One or two keep up with training on most machines; the tutorial uses 4.";
    Err(Error::parameter("num_workers", num_workers, "in 0 to 1024", hint))
}

/// Features that follow one another as one row (N, D) for each of the class indices (N), N >= 1.
pub(crate) fn labelled_rows(
    features: Vec<f32>,
    targets: Vec<i64>,
) -> Result<(Array2<f32>, Array1<i64>)> {
    let width = features.len() / targets.len();
    let features = Array2::from_shape_vec((targets.len(), width), features)
        .map_err(|error| tch::TchError::Shape(error.to_string()))?;
    Ok((features, Array1::from(targets)))
}

/// The batches of a [`DataLoader`], one after another.
#[derive(Debug)]
pub struct Batches(Prefetch<DataLoader>);

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::data::Shapes10;

    #[test]
    fn a_panic_reaches_the_user_with_its_words() {
        let shapes = Shapes10 { num_images: 4, ..Default::default() }.generate().unwrap();
        for workers in [0, 2] {
            let loader = DataLoader::new(&shapes, 2, workers).unwrap();
            // Behind its last batch the loader indexes past its images.
            let last = Prefetch::new(loader, 0, 9, workers, 2).last().unwrap();
            match last {
                Err(Error::Worker { message, place, .. }) => {
                    assert!(message.contains("6") && message.contains("4"), "{message}");
                    assert_eq!(place, "batch 3");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
