//! Labelled images as normalised batches, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use ndarray::{Array1, Array2};
use tch::{Kind, Tensor};

use crate::data::Subset;
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
/// Pixels are scaled as by torchvision's `ToTensor` and `Normalize((0.5,), (0.5,))`:
/// (p / 255 - 0.5) / 0.5.
///
/// | name | tutorial | range |
/// |---|---|---|
/// | `batch_size` | 256 | >= 1 |
/// | `num_workers` | 4 | 0 to 1,024; 0: in the calling thread |
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
        let subset = subset.into();
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
        let workers = self.num_workers.min(self.num_batches());
        let channels = (0..workers)
            .map(|worker| {
                let (sender, receiver) = sync_channel(PREFETCH);
                let loader = self.clone();
                // Without its thread the channel is closed, and the first batch is an error.
                let _ = thread::Builder::new().spawn(move || {
                    for number in (worker..loader.num_batches()).step_by(workers) {
                        // A dropped receiver means that nobody wants the rest.
                        if sender.send(loader.guarded_batch(number)).is_err() {
                            break;
                        }
                    }
                });
                receiver
            })
            .collect();
        Batches { loader: self.clone(), channels, next: 0 }
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

    /// A batch, with a panic turned into an error.
    fn guarded_batch(&self, number: usize) -> Result<Batch> {
        catch_unwind(AssertUnwindSafe(|| self.batch(number))).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().cloned();
            Err(Error::Worker {
                worker: "loader",
                place: format!("batch {number}"),
                message: message.unwrap_or_else(|| "panic".into()),
                hint: "Try num_workers = 0 to see where it comes from".into(),
            })
        })
    }

    fn batch(&self, number: usize) -> Result<Batch> {
        let start = number * self.batch_size;
        let indices = &self.subset.indices()[start..(start + self.batch_size).min(self.len())];
        let dataset = self.subset.dataset();
        let (height, width) = dataset.size();
        let bytes: Vec<u8> = indices.iter().flat_map(|&i| dataset.pixels(i)).copied().collect();
        let targets: Vec<i64> = indices.iter().map(|&i| i64::from(dataset.targets()[i])).collect();
        let images = Tensor::f_from_slice(&bytes)?
            .f_view([indices.len() as i64, height as i64, width as i64, 3])?
            .f_permute([0, 3, 1, 2])?
            .f_contiguous()?
            .f_to_kind(Kind::Float)?
            .f_divide_scalar(255.0)?
            .f_sub_scalar(0.5)?
            .f_divide_scalar(0.5)?;
        Ok(Batch { images, targets: Tensor::f_from_slice(&targets)? })
    }
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
pub struct Batches {
    loader: DataLoader,
    channels: Vec<Receiver<Result<Batch>>>,
    next: usize,
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.loader.num_batches() {
            return None;
        }
        let number = self.next;
        self.next += 1;
        if self.channels.is_empty() {
            return Some(self.loader.batch(number));
        }
        let received = self.channels[number % self.channels.len()].recv();
        Some(received.unwrap_or_else(|_| {
            self.next = self.loader.num_batches();
            Err(Error::Worker {
                worker: "loader",
                place: format!("batch {number}"),
                message: "the thread ended early".into(),
                hint: "Try num_workers = 0".into(),
            })
        }))
    }
}
