//! Loaders, configurations, options, folders and records of training.

use std::path::PathBuf;

use tch::{Device, Kind, Tensor};
use twoviews::loaders::{ViewsBatch, ViewsLoader};
use twoviews::models::{ProjectionHead, ResNet};
use twoviews::optim::learning_rate;
use twoviews::prelude::*;

use crate::figures::figure;
use crate::support::wave;
use crate::tensors::{floats, tensors};
use crate::{FLOATS, SIZES, Sweep, quiet, shapes, small, small_model, views_loader};

/// A loader that says and hands out anything.
struct Anything {
    num_images: usize,
    batch_size: usize,
    batches: usize,
    handed_out: usize,
    views: Vec<Tensor>,
}

impl ViewsLoader for Anything {
    fn num_images(&self) -> usize {
        self.num_images
    }
    fn batch_size(&self) -> usize {
        self.batch_size
    }
    fn seed(&self) -> u64 {
        u64::MAX
    }
    fn batches_per_epoch(&self) -> usize {
        self.batches
    }
    fn epoch(
        &self,
        _: u64,
        first: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        Ok(Box::new((first..self.handed_out).map(|_| {
            let views = self.views.iter().map(Tensor::shallow_clone).collect();
            Ok(ViewsBatch { views, targets: Tensor::new(), indices: vec![] })
        })))
    }
}

#[test]
fn loaders_of_training() {
    let mut sweep = Sweep::new();
    let mut model = small_model();
    for (name, view) in &tensors() {
        for joint_views in [false, true] {
            model.config.joint_views = joint_views;
            let good = floats(&[2, 3, 8, 8]);
            for views in
                [vec![view.shallow_clone(), view.shallow_clone()], vec![good, view.shallow_clone()]]
            {
                let loader =
                    Anything { num_images: 2, batch_size: 2, batches: 1, handed_out: 1, views };
                sweep.call(format!("fit on {name}"), || model.fit(&loader, quiet()));
            }
        }
    }
    let images = |n: usize| {
        Tensor::from_slice(&wave(n * 192, 1.0)).view([n as i64, 3, 8, 8]).to_kind(Kind::Float)
    };
    let training = views_loader(4, 2).unwrap();
    for number in SIZES {
        for (num_images, batch_size, batches) in
            [(number, 2, 1), (2, number, 1), (2, 2, number), (number, number, number)]
        {
            for handed_out in [0, 1, 3] {
                let views = vec![images(3), images(3)];
                let loader = Anything { num_images, batch_size, batches, handed_out, views };
                let what = format!("fit on {num_images} {batch_size} {batches} {handed_out}");
                sweep.call(&what, || model.fit(&loader, quiet()));
                sweep.call(&what, || model.resume(&loader, quiet()));
                let options = FitOptions { validation: Some(Box::new(loader)), ..quiet() };
                sweep.call(&what, || model.fit(&training, options));
            }
        }
    }
    for n_views in [0, 1, 3] {
        let views = (0..n_views).map(|_| images(2)).collect();
        let loader = Anything { num_images: 2, batch_size: 2, batches: 1, handed_out: 1, views };
        sweep.call(format!("fit on {n_views} views"), || small_model().fit(&loader, quiet()));
    }
    sweep.check(400);
}

#[test]
fn configurations_of_training() {
    let mut sweep = Sweep::new();
    let mut configs = Vec::new();
    for size in [i64::MIN, -1, 0, 1, 3, 16_384, 16_385, i64::MAX] {
        configs.push(DCLConfig { latent_size: size, ..small() });
        configs.push(DCLConfig { proj_hidden_dim: size, ..small() });
        configs.push(DCLConfig { proj_output_dim: size, ..small() });
        sweep.call(format!("check_latent_size {size}"), || check_latent_size(size, false));
    }
    for value in FLOATS {
        configs.push(DCLConfig { temperature: value, ..small() });
        configs.push(DCLConfig { learning_rate: value, ..small() });
        configs.push(DCLConfig { weight_decay: value, ..small() });
        for warmup_epochs in [0, 1, 2, usize::MAX] {
            let lr_scheduler = LrScheduler::WarmupCosine { warmup_epochs, warmup_start_lr: value };
            configs.push(DCLConfig { lr_scheduler, ..small() });
            for size in SIZES {
                sweep.call(format!("learning_rate {value} {warmup_epochs} {size}"), || {
                    learning_rate(&lr_scheduler, value, size, size, size)
                });
            }
        }
    }
    for max_epochs in SIZES {
        configs.push(DCLConfig { max_epochs, ..small() });
    }
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::AdamW] {
        configs.push(DCLConfig { optimizer, precision: Precision::BFloat16, ..small() });
    }
    // It ends in its first epoch, however many are asked for.
    let ends = || Anything {
        num_images: 4,
        batch_size: 2,
        batches: 2,
        handed_out: 1,
        views: vec![floats(&[2, 3, 8, 8]), floats(&[2, 3, 8, 8])],
    };
    for config in configs {
        sweep.call(format!("check {config:?}"), || config.check());
        sweep.call(format!("new {config:?}"), || {
            let mut model = DCL::new(config.clone(), Device::Cpu)?;
            model.fit(&ends(), quiet())?;
            Ok::<(), Error>(())
        });
        let mut model = small_model();
        model.config = config.clone();
        sweep.call(format!("changed to {config:?}"), || model.fit(&ends(), quiet()));
        model.config = config.clone();
        sweep.call(format!("changed back to {config:?}"), || model.resume(&ends(), quiet()));
    }
    for device in [Device::Cuda(0), Device::Cuda(usize::MAX), Device::Mps, Device::Vulkan] {
        sweep.call(format!("{device:?}"), || DCL::new(small(), device).map(drop));
        let views = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
        let config = MultiViewsLoaderConfig { device, num_workers: 0, ..Default::default() };
        sweep.call(format!("loader to {device:?}"), || {
            MultiViewsLoader::new(shapes(4), views, config)?
                .epoch(0, 0)?
                .next()
                .transpose()
                .map(drop)
        });
    }
    let variables = tch::nn::VarStore::new(Device::Cpu);
    for size in [i64::MIN, -1, 0, 16_385, i64::MAX] {
        let root = variables.root();
        sweep.call(format!("resnet18 {size}"), || ResNet::resnet18(&root, size).map(drop));
        sweep.call(format!("resnet8 {size}"), || ResNet::resnet8(&root, size).map(drop));
        sweep.call(format!("head {size}"), || ProjectionHead::new(&root, size, 4, 4).map(drop));
        sweep.call(format!("head {size}"), || ProjectionHead::new(&root, 4, size, 4).map(drop));
        sweep.call(format!("head {size}"), || ProjectionHead::new(&root, 4, 4, size).map(drop));
    }
    for name in ["", "SGD", "adamW", "ADAM", "lion", "\0", "Ädam"] {
        sweep.call(name, || name.parse::<OptimizerKind>());
    }
    sweep.check(900);
}

#[test]
fn options_of_training() {
    let mut sweep = Sweep::new();
    let loader = views_loader(4, 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (i, minutes) in FLOATS.into_iter().enumerate() {
        let checkpoints = Checkpoints { minutes, folder: folder.path().join(i.to_string()) };
        let options = FitOptions { checkpoints: Some(checkpoints), ..quiet() };
        sweep.call(format!("minutes {minutes}"), || small_model().fit(&loader, options));
    }
    for number in SIZES {
        let images = DataLoader::new(shapes(6), 4, 0).unwrap();
        let knn = OnlineKnn {
            bank: images.clone(),
            queries: images,
            probe: KnnProbe { k: number, ..Default::default() },
            every_epochs: number,
        };
        let options = FitOptions { knn: Some(knn), ..quiet() };
        sweep.call(format!("knn {number}"), || small_model().fit(&loader, options));
    }
    for path in paths() {
        // Nothing is written outside of the folder.
        let path = if path.is_absolute() { path } else { folder.path().join("paths").join(path) };
        sweep.call(format!("load_training {path:?}"), || {
            DCL::load_training(&path, Device::Cpu).map(drop)
        });
        sweep.call(format!("save {path:?}"), || small_model().save(&path));
        let options = FitOptions { checkpoints: Some(Checkpoints::new(&path)), ..quiet() };
        sweep.call(format!("checkpoints in {path:?}"), || small_model().fit(&loader, options));
        sweep.call(format!("figure to {path:?}"), || figure().save(&path));
    }
    sweep.check(60);
}

/// Paths at which nothing can be made, or strange ones at which something can.
fn paths() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = ["", ".", "..", "/proc/none/x.svg", "a\nb.png", "ä ö.svg"]
        .into_iter()
        .map(PathBuf::from)
        .collect();
    paths.extend(["nul\0.svg".into(), "x".repeat(300).into(), "d/".repeat(3_000).into()]);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        paths.push(std::ffi::OsString::from_vec(b"not \xff utf-8.svg".to_vec()).into());
    }
    paths
}

/// A checkpoint's record with any of its numbers changed.
#[test]
fn records_of_runs() {
    let folder = tempfile::tempdir().unwrap();
    let loader = views_loader(4, 2).unwrap();
    let options = FitOptions { checkpoints: Some(Checkpoints::new(folder.path())), ..quiet() };
    small_model().fit(&loader, options).unwrap();
    let path = folder.path().join("last.json");
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let values = [
        "null",
        "0",
        "1",
        "-1",
        "3",
        "1.5",
        "1e300",
        "18446744073709551615",
        "\"\"",
        "\"..\"",
        "[]",
        "{}",
    ];
    let mut places = Vec::new();
    places_of(&record, String::new(), &mut places);
    let mut sweep = Sweep::new();
    for place in places {
        for value in values {
            let mut changed = record.clone();
            *changed.pointer_mut(&place).unwrap() = serde_json::from_str(value).unwrap();
            std::fs::write(&path, changed.to_string()).unwrap();
            sweep.call(format!("{place} = {value}"), || {
                let mut model = DCL::load_training(folder.path(), Device::Cpu)?;
                model.config.max_epochs = model.config.max_epochs.min(3);
                model.resume(&loader, quiet())
            });
        }
    }
    sweep.check(300);
}

/// Where the values of a JSON document lie.
fn places_of(value: &serde_json::Value, place: String, places: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                places_of(value, format!("{place}/{name}"), places);
            }
        }
        serde_json::Value::Array(values) if !values.is_empty() => {
            places_of(&values[0], format!("{place}/0"), places);
        }
        _ => places.push(place),
    }
}
