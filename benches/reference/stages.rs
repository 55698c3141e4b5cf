//! What is measured on the Rust side; each stage returns a function that measures once.

use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use ndarray_npy::ReadNpyExt;
use serde_json::json;
use twoviews::data::Subset;
use twoviews::encode::{InferenceEncoder, Precision};
use twoviews::loaders::ViewsBatch;
use twoviews::ndarray::{Array1, Array2, Array4};
use twoviews::prelude::*;
use twoviews::rng::RandomStream;
use twoviews::transforms::View;

use super::{Measure, Options, memory_mb};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Times `work`, which handles `items` things.
fn timed(items: usize, mut work: impl FnMut() -> Outcome<()> + 'static) -> Measure {
    Box::new(move || {
        let start = Instant::now();
        work()?;
        Ok(json!({"seconds": start.elapsed().as_secs_f64(), "items": items}))
    })
}

fn read<T: ReadNpyExt>(folder: &Path, name: &str) -> Outcome<T> {
    Ok(T::read_npy(File::open(folder.join(format!("{name}.npy")))?)?)
}

/// The images that both sides read.
fn images(options: &Options) -> Outcome<ImageDataset> {
    let pixels: Array4<u8> = read(&options.data, "images")?;
    let targets: Array1<i64> = read(&options.data, "targets")?;
    let count = options.images.min(targets.len());
    let pixels = pixels.into_iter().take(count * 32 * 32 * 3).collect();
    let targets = targets.iter().take(count).map(|&target| target as u8).collect();
    let classes = (0..10).map(|class| class.to_string()).collect();
    Ok(ImageDataset::new("images", (32, 32), pixels, targets, classes)?)
}

fn precision(variant: &str) -> Precision {
    if variant.contains("bf16") { Precision::BFloat16 } else { Precision::Float32 }
}

/// The transform on each worker's share of the images, or the loader with its workers.
pub fn views(options: &Options) -> Outcome<Measure> {
    let images = images(options)?;
    let transform = MultiViewsTransform::new(simclr_transform(), 2)?;
    if options.variant == "transform" {
        let indices: Vec<usize> = (0..images.len()).collect();
        let share = images.len().div_ceil(options.workers.max(1));
        let mut round = 0;
        return Ok(timed(images.len(), move || {
            round += 1;
            let one_by_one = &|share: &[usize]| -> twoviews::Result<()> {
                let mut view = View::default();
                for &index in share {
                    view.load(images.pixels(index), images.size())?;
                    transform.apply(
                        0,
                        &mut view,
                        &mut RandomStream::new(42, round, index as u64, 0),
                    )?;
                    std::hint::black_box(view.values()?);
                }
                Ok(())
            };
            let done: twoviews::Result<()> = std::thread::scope(|scope| {
                let threads: Vec<_> = indices
                    .chunks(share)
                    .map(|share| scope.spawn(move || one_by_one(share)))
                    .collect();
                threads.into_iter().try_for_each(|t| t.join().expect("no transform panics"))
            });
            Ok(done?)
        }));
    }
    let (batch_size, num_workers) = (options.batch, options.workers);
    let config = MultiViewsLoaderConfig { batch_size, num_workers, ..Default::default() };
    let views = 2 * images.len();
    let loader = MultiViewsLoader::new(images, transform, config)?;
    let mut epoch = 0;
    Ok(timed(views, move || {
        epoch += 1;
        for batch in loader.epoch(epoch, 0)? {
            std::hint::black_box(batch?);
        }
        Ok(())
    }))
}

/// `transform_with_targets`, or the prepared encoder alone on a batch in memory.
pub fn encode(options: &Options) -> Outcome<Measure> {
    let images = images(options)?;
    let model = DCL::new(DCLConfig::tutorial(256), Device::Cpu)?;
    let (count, precision) = (images.len(), precision(&options.variant));
    let warm_up = Subset::new(&images, &(0..128.min(count)).collect::<Vec<_>>())?;
    model.transform_with_targets_in(&DataLoader::new(warm_up, 128, 0)?, precision)?;
    if options.variant.starts_with("forward") {
        let encoder = InferenceEncoder::new(&model.encoder, precision)?;
        let x = DataLoader::new(images, count, 0)?.iter().next().ok_or("no images")??.images;
        return Ok(timed(count, move || {
            let _ = std::hint::black_box(encoder.forward(&x)?);
            Ok(())
        }));
    }
    let loader = DataLoader::new(images, 256, options.workers)?;
    Ok(timed(count, move || {
        std::hint::black_box(model.transform_with_targets_in(&loader, precision)?);
        Ok(())
    }))
}

/// Two views in memory, `steps` times an epoch.
struct InMemory {
    views: [Tensor; 2],
    steps: usize,
}

impl ViewsLoader for InMemory {
    fn num_images(&self) -> usize {
        self.steps * self.batch_size()
    }

    fn batch_size(&self) -> usize {
        self.views[0].size()[0] as usize
    }

    fn seed(&self) -> u64 {
        0
    }

    fn batches_per_epoch(&self) -> usize {
        self.steps
    }

    fn epoch(
        &self,
        _: u64,
        _: usize,
    ) -> twoviews::Result<Box<dyn Iterator<Item = twoviews::Result<ViewsBatch>> + '_>> {
        let size = self.batch_size();
        Ok(Box::new((0..self.steps).map(move |_| {
            let targets = Tensor::zeros([size as i64], (Kind::Int64, Device::Cpu));
            let views = self.views.iter().map(Tensor::shallow_clone).collect();
            Ok(ViewsBatch { views, targets, indices: (0..size).collect() })
        })))
    }
}

/// `fit` on two views in memory; only the steps after the first are timed.
pub fn step(options: &Options) -> Outcome<Measure> {
    let config = DCLConfig {
        lr_scheduler: LrScheduler::Constant,
        learning_rate: 1e-3,
        max_epochs: 1,
        precision: precision(&options.variant),
        ..DCLConfig::tutorial(options.batch)
    };
    let mut model = DCL::new(config, Device::Cpu)?;
    seed_everything(0);
    let loader = |batch: usize, steps| {
        let view = || Tensor::randn([batch as i64, 3, 32, 32], (Kind::Float, Device::Cpu));
        InMemory { views: [view(), view()], steps }
    };
    let quiet = || FitOptions { quiet: true, ..Default::default() };
    model.fit(&loader(8, 1), quiet())?;
    let steps = (96 / options.batch).max(2);
    let loader = loader(options.batch, 1 + steps);
    Ok(Box::new(move || {
        let first = Rc::new(Cell::new(0.0));
        let note = first.clone();
        let hook = move |history: &History| {
            if history.losses.len() == 1 {
                note.set(history.seconds);
            }
        };
        let history =
            model.fit(&loader, FitOptions { on_step: Some(Box::new(hook)), ..quiet() })?;
        let seconds = history.seconds - first.get();
        Ok(json!({"seconds": seconds, "items": steps * loader.batch_size()}))
    }))
}

/// The default probe on the features that both sides read.
pub fn probe(options: &Options) -> Outcome<Measure> {
    let x: Array2<f64> = read(&options.data, "probe_x")?;
    let y: Array1<i64> = read(&options.data, "probe_y")?;
    Ok(Box::new(move || {
        let start = Instant::now();
        let fitted = LogisticRegression::default().fit(&x, &y)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(json!({
            "seconds": seconds,
            "items": 1,
            "objective": fitted.objective,
            "iterations": fitted.n_iter,
        }))
    }))
}

/// One of the tutorial's six models: checkpoint, 10,000 + 5,000 images, converged probe.
pub fn tutorial(options: &Options) -> Outcome<Measure> {
    let mut rng = numpy_rng(42);
    let mut subset = |dataset: &ImageDataset, size: usize, count| -> Outcome<Subset> {
        let chosen = rng.choice(size, count)?;
        let within = chosen.iter().map(|&i| i % dataset.len()).collect::<Vec<_>>();
        Ok(Subset::new(dataset, &within)?)
    };
    let [train, test] = if let Some(folder) = &options.cifar {
        let data_dir = Some(folder.clone());
        let cifar10 = Cifar10::load(&Cifar10Config { data_dir, ..Default::default() })?;
        [subset(&cifar10.train, 50_000, 10_000)?, subset(&cifar10.test, 10_000, 5_000)?]
    } else {
        let images = images(&Options { images: 4096, ..options.clone() })?;
        [subset(&images, 50_000, 10_000)?, subset(&images, 10_000, 5_000)?]
    };
    let train = DataLoader::new(train, 256, options.workers)?;
    let test = DataLoader::new(test, 256, options.workers)?;
    let (checkpoint, precision) = (options.checkpoint.clone(), precision(&options.variant));
    Ok(Box::new(move || {
        let start = Instant::now();
        let mut model = DCL::new(DCLConfig::tutorial(128), Device::Cpu)?;
        if let Some(path) = &checkpoint {
            let name =
                |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned());
            let folder = name(path.parent().map(Path::as_os_str)).unwrap_or_default();
            let file = name(path.file_name()).unwrap_or_default();
            Weights::new(&folder, None, &file)?.load_checkpoint(&mut model)?;
        }
        let (xtr, ytr) = model.transform_with_targets_in(&train, precision)?;
        let (xte, yte) = model.transform_with_targets_in(&test, precision)?;
        let encoded = start.elapsed().as_secs_f64();
        let probe = LogisticRegression { max_iter: 500, ..Default::default() }.fit(&xtr, &ytr)?;
        let accuracy = probe.score(&xte, &yte)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(json!({
            "seconds": seconds,
            "items": 15_000,
            "encode_seconds": encoded,
            "probe_seconds": seconds - encoded,
            "accuracy": accuracy,
        }))
    }))
}

/// A loss, forward and backward, on random embeddings; `grown_mb` is what the peak rose by.
pub fn loss(options: &Options) -> Outcome<Measure> {
    match options.variant.as_str() {
        "infonce" => loss_of::<InfoNCE>(options),
        "dclw" => loss_of::<DCLWLoss>(options),
        _ => loss_of::<DCLLoss>(options),
    }
}

fn loss_of<L: ContrastiveLoss>(options: &Options) -> Outcome<Measure> {
    seed_everything(0);
    let loss = L::new(0.07)?;
    let batch = |n: usize| {
        let z =
            || Tensor::randn([n as i64, 128], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        [z(), z()]
    };
    let run = move |z: &[Tensor; 2]| -> Outcome<()> {
        let value = loss.forward(&z[0], &z[1])?;
        std::hint::black_box(Tensor::f_run_backward(&[value], z, false, false)?);
        Ok(())
    };
    run(&batch(8))?;
    let (z, before) = (batch(options.batch), memory_mb("VmRSS"));
    Ok(Box::new(move || {
        let start = Instant::now();
        run(&z)?;
        let seconds = start.elapsed().as_secs_f64();
        let grown = memory_mb("VmHWM").saturating_sub(before);
        Ok(json!({"seconds": seconds, "items": 1, "grown_mb": grown}))
    }))
}
