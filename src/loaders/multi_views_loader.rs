//! Augmented views in shuffled batches, prepared ahead by worker threads.

use std::sync::atomic::{AtomicBool, Ordering};

use tch::{Device, Kind, Tensor};
use twoviews_tch_ext::pinned;

use super::data_loader::check_workers;
use super::prefetch::{BatchSource, Prefetch};
use super::{ViewsBatch, ViewsLoader};
use crate::data::Subset;
use crate::notebook::check_interrupt;
use crate::rng::RandomStream;
use crate::tensor_input::check_device;
use crate::transforms::{MultiViewsTransform, View};
use crate::{Error, Result};

/// How [`MultiViewsLoader`] forms its batches.
///
/// | name | default | range |
/// |---|---|---|
/// | `batch_size` | 256 | >= 1 |
/// | `shuffle` | true | |
/// | `drop_last` | false | |
/// | `num_workers` | 4 | 0 to 1,024; at most one thread for each processor, with 0 none but the calling one |
/// | `prefetch` | 2 | >= 1, batches that each worker may be ahead |
/// | `seed` | 42 | |
/// | `device` | `Device::Cpu` | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultiViewsLoaderConfig {
    /// Images in a batch.
    pub batch_size: usize,
    /// A new random order in each epoch.
    pub shuffle: bool,
    /// Leave out a last batch that is not full.
    pub drop_last: bool,
    /// Worker threads.
    pub num_workers: usize,
    /// Finished batches that wait for the model, for each worker.
    pub prefetch: usize,
    /// Seed of the order and of the augmentations.
    pub seed: u64,
    /// Where the batches go.
    pub device: Device,
}

impl Default for MultiViewsLoaderConfig {
    fn default() -> Self {
        Self {
            batch_size: 256,
            shuffle: true,
            drop_last: false,
            num_workers: 4,
            prefetch: 2,
            seed: 42,
            device: Device::Cpu,
        }
    }
}

/// Batches of augmented views of a subset's images.
///
/// View v of image i in epoch e is drawn from `RandomStream::new(seed, e, i, v)` and the order of
/// the images from another stream, so that the batches depend neither on the number of workers nor
/// on timing.
///
/// ```
/// use twoviews::data::Shapes10;
/// use twoviews::loaders::{MultiViewsLoader, MultiViewsLoaderConfig, ViewsLoader};
/// use twoviews::transforms::{MultiViewsTransform, simclr_transform};
/// let shapes = Shapes10 { num_images: 10, ..Default::default() }.generate()?;
/// let two_views = MultiViewsTransform::new(simclr_transform(), 2)?;
/// let config = MultiViewsLoaderConfig { batch_size: 4, num_workers: 1, ..Default::default() };
/// let loader = MultiViewsLoader::new(shapes, two_views, config)?;
/// let batch = loader.epoch(0, 0)?.next().unwrap()?;
/// assert_eq!(batch.views[1].size(), [4, 3, 32, 32]);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiViewsLoader {
    subset: Subset,
    transform: MultiViewsTransform,
    config: MultiViewsLoaderConfig,
}

impl MultiViewsLoader {
    /// A loader of `subset`, or of a whole data set.
    ///
    /// # Errors
    /// If there is no image, `batch_size` or `prefetch` is 0, `num_workers` is above 1,024,
    /// `drop_last` would leave no batch, or libtorch has no such device.
    pub fn new(
        subset: impl Into<Subset>,
        transform: MultiViewsTransform,
        config: MultiViewsLoaderConfig,
    ) -> Result<Self> {
        let subset = subset.into();
        if subset.is_empty() {
            let hint = "Choose at least one image.";
            return Err(Error::parameter("subset", "empty", "at least one image", hint));
        }
        for (name, value) in [("batch_size", config.batch_size), ("prefetch", config.prefetch)] {
            if value == 0 {
                let hint = "The defaults are 256 images and 2 batches.";
                return Err(Error::parameter(name, 0, ">= 1", hint));
            }
        }
        check_workers(config.num_workers)?;
        check_device(config.device)?;
        if config.drop_last && config.batch_size > subset.len() {
            let hint = format!("There are {} images: no batch would be full.", subset.len());
            let allowed = "at most the number of images when drop_last is set";
            return Err(Error::parameter("batch_size", config.batch_size, allowed, hint));
        }
        Ok(Self { subset, transform, config })
    }

    /// The images behind the batches.
    pub fn subset(&self) -> &Subset {
        &self.subset
    }

    /// The configuration.
    pub fn config(&self) -> &MultiViewsLoaderConfig {
        &self.config
    }

    /// The order of the images in `epoch`: positions in the subset.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.subset.len()).collect();
        if self.config.shuffle {
            // No image and no view has this number, so no augmentation shares the stream.
            let last = u64::from(u32::MAX);
            RandomStream::new(self.config.seed, epoch, last, last).shuffle(&mut order);
        }
        order
    }
}

impl ViewsLoader for MultiViewsLoader {
    fn num_images(&self) -> usize {
        self.subset.len()
    }

    fn batch_size(&self) -> usize {
        self.config.batch_size
    }

    fn seed(&self) -> u64 {
        self.config.seed
    }

    fn batches_per_epoch(&self) -> usize {
        let (images, size) = (self.subset.len(), self.config.batch_size);
        if self.config.drop_last { images / size } else { images.div_ceil(size) }
    }

    fn epoch(
        &self,
        epoch: u64,
        first_batch: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        let batches = self.batches_per_epoch();
        if first_batch > batches {
            let hint = format!("The epoch has {batches} batches, counted from 0.");
            let allowed = "at most the number of batches";
            return Err(Error::parameter("first_batch", first_batch, allowed, hint));
        }
        if epoch > u64::from(u32::MAX) {
            let hint = "Epochs are counted from 0.";
            return Err(Error::parameter("epoch", epoch, "below 2^32", hint));
        }
        Ok(Box::new(ViewsBatches::new(self, epoch, first_batch)))
    }
}

/// One epoch: the loader and the order of its images.
struct EpochPlan {
    loader: MultiViewsLoader,
    epoch: u64,
    order: Vec<usize>,
}

/// Buffers of one worker.
#[derive(Default)]
struct WorkerBuffers {
    view: View,
    /// One buffer a view, (B, 3, height, width)
    values: Vec<Vec<f32>>,
}

impl BatchSource for EpochPlan {
    type Batch = ViewsBatch;
    type Buffers = WorkerBuffers;
    const WORKER: &'static str = "views loader";
    const HINT: &'static str =
        "Look at the transform; num_workers = 0 runs it in the calling thread";

    fn batch(
        &self,
        number: usize,
        buffers: &mut WorkerBuffers,
        stop: &AtomicBool,
    ) -> Result<Option<ViewsBatch>> {
        let MultiViewsLoader { subset, transform, config } = &self.loader;
        let dataset = subset.dataset();
        let start = number * config.batch_size;
        let indices = &self.order[start..(start + config.batch_size).min(self.order.len())];
        let WorkerBuffers { view, values } = buffers;
        values.resize_with(transform.n_views(), Vec::new);
        let mut views = Vec::with_capacity(values.len());
        for (v, values) in values.iter_mut().enumerate() {
            values.clear();
            let mut size = None;
            for &index in indices {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                view.load(dataset.pixels(subset.indices()[index]), dataset.size())?;
                let mut random = RandomStream::new(config.seed, self.epoch, index as u64, v as u64);
                transform.apply(v, view, &mut random)?;
                values.extend_from_slice(view.values()?);
                let found = [view.height() as i64, view.width() as i64];
                if *size.get_or_insert(found) != found {
                    return Err(Error::Shape {
                        name: "view",
                        found: found.to_vec(),
                        expected: format!("{size:?} as the batch's first image"),
                        hint: "Let the transform end in one size, as RandomResizedCrop does."
                            .into(),
                    });
                }
            }
            let [height, width] = size.unwrap_or_default();
            let shape = [indices.len() as i64, 3, height, width];
            views.push(Tensor::f_from_slice(values)?.f_view(shape)?);
        }
        let targets = dataset.targets();
        let targets: Vec<i64> =
            indices.iter().map(|&i| i64::from(targets[subset.indices()[i]])).collect();
        let targets = Tensor::f_from_slice(&targets)?;
        Ok(Some(ViewsBatch { views, targets, indices: indices.to_vec() }))
    }

    fn describe(&self, number: usize) -> String {
        format!("epoch {}, batch {number}", self.epoch)
    }
}

/// The batches of one epoch, on the loader's device.
struct ViewsBatches(Prefetch<EpochPlan>);

impl ViewsBatches {
    fn new(loader: &MultiViewsLoader, epoch: u64, first: usize) -> Self {
        let plan = EpochPlan { loader: loader.clone(), epoch, order: loader.order(epoch) };
        let MultiViewsLoaderConfig { num_workers, prefetch, .. } = loader.config;
        Self(Prefetch::new(plan, first, loader.batches_per_epoch(), num_workers, prefetch))
    }
}

impl Iterator for ViewsBatches {
    type Item = Result<ViewsBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self(batches) = self;
        let number = batches.next_number()?;
        let device = batches.source().loader.config.device;
        let batch = check_interrupt(|| batches.source().describe(number))
            .and_then(|()| batches.next().transpose())
            .and_then(|batch| batch.map(|batch| to_device(batch, device)).transpose());
        if batch.is_err() {
            batches.finish();
        }
        batch.transpose()
    }
}

/// Moves a batch; to a CUDA device from pinned memory, so that the copy overlaps with computing.
fn to_device(mut batch: ViewsBatch, device: Device) -> Result<ViewsBatch> {
    if device == Device::Cpu {
        return Ok(batch);
    }
    for view in &mut batch.views {
        let pinned = if device.is_cuda() { pinned(view) } else { None };
        let source = pinned.as_ref().unwrap_or(view);
        *view = source.f_to_device_(device, Kind::Float, pinned.is_some(), false)?;
    }
    batch.targets = batch.targets.f_to_device(device)?;
    Ok(batch)
}
