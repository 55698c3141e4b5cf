//! Augmented views in shuffled batches, prepared ahead by worker threads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use tch::{Device, Kind, Tensor};

use super::data_loader::check_workers;
use super::{ViewsBatch, ViewsLoader};
use crate::data::Subset;
use crate::notebook::interrupted;
use crate::rng::Draws;
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
/// | `num_workers` | 4 | 0 to 1,024; 0: in the calling thread |
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
/// View v of image i in epoch e is drawn from `Draws::new(seed, e, i, v)` and the order of the images
/// from another stream, so that the batches depend neither on the number of workers nor on timing.
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
            Draws::new(self.config.seed, epoch, last, last).shuffle(&mut order);
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
        Ok(Box::new(ViewsBatches::start(self, epoch, first_batch)))
    }
}

/// What the workers of one epoch share.
struct EpochPlan {
    loader: MultiViewsLoader,
    epoch: u64,
    order: Vec<usize>,
    stop: AtomicBool,
}

/// Buffers of one worker.
#[derive(Default)]
struct WorkerBuffers {
    view: View,
    /// One buffer a view, (B, 3, height, width)
    values: Vec<Vec<f32>>,
}

impl EpochPlan {
    /// Batch `number`, with a panic turned into an error; `None` when nobody wants it any more.
    fn guarded_batch(
        &self,
        number: usize,
        buffers: &mut WorkerBuffers,
    ) -> Option<Result<ViewsBatch>> {
        catch_unwind(AssertUnwindSafe(|| self.batch(number, buffers).transpose())).unwrap_or_else(
            |panic| Some(Err(worker_error(self.epoch, number, panic_message(&*panic)))),
        )
    }

    fn batch(&self, number: usize, buffers: &mut WorkerBuffers) -> Result<Option<ViewsBatch>> {
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
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                view.load(dataset.pixels(subset.indices()[index]), dataset.size())?;
                let mut draws = Draws::new(config.seed, self.epoch, index as u64, v as u64);
                transform.apply(v, view, &mut draws)?;
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
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}

fn worker_error(epoch: u64, batch: usize, message: String) -> Error {
    Error::Worker {
        worker: "views loader",
        place: format!("epoch {epoch}, batch {batch}"),
        message,
        hint: "Look at the transform; num_workers = 0 runs it in the calling thread".into(),
    }
}

/// The batches of one epoch; the workers stop when it is dropped.
struct ViewsBatches {
    plan: Arc<EpochPlan>,
    first: usize,
    next: usize,
    end: usize,
    buffers: WorkerBuffers,
    channels: Vec<Receiver<Result<ViewsBatch>>>,
    threads: Vec<Option<JoinHandle<()>>>,
}

impl ViewsBatches {
    fn start(loader: &MultiViewsLoader, epoch: u64, first: usize) -> Self {
        let end = loader.batches_per_epoch();
        let workers = loader.config.num_workers.min(end - first);
        let plan = Arc::new(EpochPlan {
            loader: loader.clone(),
            epoch,
            order: loader.order(epoch),
            stop: AtomicBool::new(false),
        });
        let (threads, channels) = (0..workers)
            .map(|worker| {
                // The worker holds one more batch while the channel is full.
                let (sender, receiver) = sync_channel(loader.config.prefetch.min(end - first));
                let plan = Arc::clone(&plan);
                // Without its thread the channel is closed, and the first batch is an error.
                let thread = thread::Builder::new().spawn(move || {
                    let mut buffers = WorkerBuffers::default();
                    for number in (first + worker..end).step_by(workers) {
                        let Some(batch) = plan.guarded_batch(number, &mut buffers) else { break };
                        if sender.send(batch).is_err() {
                            break;
                        }
                    }
                });
                (thread.ok(), receiver)
            })
            .unzip();
        let buffers = WorkerBuffers::default();
        Self { plan, first, next: first, end, buffers, channels, threads }
    }

    /// The next batch, from its worker or made here.
    fn receive(&mut self, number: usize) -> Result<ViewsBatch> {
        let epoch = self.plan.epoch;
        let batch = if self.channels.is_empty() {
            self.plan.guarded_batch(number, &mut self.buffers)
        } else {
            self.channels[(number - self.first) % self.channels.len()].recv().ok()
        };
        let ended = || Err(worker_error(epoch, number, "the thread ended early".into()));
        to_device(batch.unwrap_or_else(ended)?, self.plan.loader.config.device)
    }
}

impl Iterator for ViewsBatches {
    type Item = Result<ViewsBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let batch = if interrupted() {
            let place = format!("epoch {}, batch {number}", self.plan.epoch);
            Err(Error::Interrupted { place })
        } else {
            self.receive(number)
        };
        if batch.is_err() {
            self.next = self.end;
        }
        Some(batch)
    }
}

impl Drop for ViewsBatches {
    fn drop(&mut self) {
        self.plan.stop.store(true, Ordering::Relaxed);
        self.channels.clear();
        for thread in self.threads.drain(..).flatten() {
            // A worker's panic was handed out as an error; here only its end matters.
            let _ = thread.join();
        }
    }
}

/// Moves a batch; to a CUDA device from pinned memory, so that the copy overlaps with computing.
fn to_device(mut batch: ViewsBatch, device: Device) -> Result<ViewsBatch> {
    if device == Device::Cpu {
        return Ok(batch);
    }
    for view in &mut batch.views {
        let source =
            if device.is_cuda() { view.f_pin_memory(device)? } else { view.shallow_clone() };
        *view = source.f_to_device_(device, Kind::Float, device.is_cuda(), false)?;
    }
    batch.targets = batch.targets.f_to_device(device)?;
    Ok(batch)
}
