//! The same numbers on a GPU as on the processor. Without a GPU, every test says that it is skipped.

mod support;

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use support::formula::Formula;
use support::{assert_close, fixture, numbers, wave};
use twoviews::ndarray::Array2;
use twoviews::prelude::*;

/// The GPU, if libtorch finds one.
fn gpu() -> Option<Device> {
    let device = best_device();
    if device.is_cuda() {
        return Some(device);
    }
    println!("skipped: libtorch finds no GPU");
    None
}

/// Everything of a tensor, wherever it is.
fn values(x: &Tensor) -> Vec<f64> {
    let x = x.detach().to_device(Device::Cpu).to_kind(Kind::Double);
    Vec::try_from(x.flatten(0, -1)).unwrap()
}

fn shapes() -> ImageDataset {
    Shapes10 { num_images: 80, ..Default::default() }.generate().unwrap()
}

fn loader(device: Device, n_views: usize) -> MultiViewsLoader {
    let views = MultiViewsTransform::new(simclr_transform(), n_views).unwrap();
    let config = MultiViewsLoaderConfig { batch_size: 20, device, ..Default::default() };
    MultiViewsLoader::new(shapes(), views, config).unwrap()
}

fn images() -> DataLoader {
    DataLoader::new(shapes(), 32, 1).unwrap()
}

fn config() -> DCLConfig {
    DCLConfig {
        encoder: EncoderKind::ResNet8,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 2e-3,
        lr_scheduler: LrScheduler::Constant,
        max_epochs: 2,
        ..Default::default()
    }
}

fn quiet() -> FitOptions {
    FitOptions { quiet: true, ..Default::default() }
}

/// Views of a loader, in the kind of double weights.
struct Double(MultiViewsLoader);

impl ViewsLoader for Double {
    fn num_images(&self) -> usize {
        self.0.num_images()
    }

    fn batch_size(&self) -> usize {
        self.0.batch_size()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }

    fn batches_per_epoch(&self) -> usize {
        self.0.batches_per_epoch()
    }

    fn epoch(
        &self,
        epoch: u64,
        first: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        let double = |batch: ViewsBatch| ViewsBatch {
            views: batch.views.iter().map(|view| view.to_kind(Kind::Double)).collect(),
            ..batch
        };
        let batches = self.0.epoch(epoch, first)?;
        Ok(Box::new(batches.map(move |batch| batch.map(double))))
    }
}

#[test]
fn libtorch_finds_the_gpu_that_the_driver_finds() {
    let libtorch = std::env::var("LIBTORCH").unwrap_or_default();
    let has_cuda = Path::new(&libtorch).join("lib/libtorch_cuda.so").exists();
    let driver = Command::new("nvidia-smi").arg("-L").output();
    if !has_cuda || !driver.is_ok_and(|it| it.status.success()) {
        println!("skipped: no NVIDIA driver, or LIBTORCH is without CUDA");
        return;
    }
    assert_eq!(best_device(), Device::Cuda(0));
}

#[test]
fn losses_and_their_gradients() {
    fn check<L: ContrastiveLoss>(loss: &L, gpu: Device) {
        let of = |device| {
            let z = |seed| {
                let z = Tensor::from_slice(&wave(24 * 16, seed)).view([24, 16]);
                z.to_device(device).set_requires_grad(true)
            };
            let (z1, z2) = (z(1.0), z(2.0));
            let value = loss.forward(&z1, &z2).unwrap();
            assert_eq!(value.device(), device);
            value.backward();
            [values(&value), values(&z1.grad()), values(&z2.grad())].concat()
        };
        assert_close(&of(gpu), &of(Device::Cpu), 1e-10, L::METHOD);
    }
    let Some(gpu) = gpu() else { return };
    check(&InfoNCE::new(0.07).unwrap(), gpu);
    check(&DCLLoss::new(0.07).unwrap(), gpu);
    check(&DCLWLoss::new(0.07).unwrap(), gpu);
}

#[test]
fn measures_of_embeddings() {
    let Some(gpu) = gpu() else { return };
    let of = |device| {
        let z = |seed| Tensor::from_slice(&wave(24 * 16, seed)).view([24, 16]).to_device(device);
        let (z1, z2) = (z(1.0), z(2.0));
        let q = npc_multiplier(&z1, &z2, 0.1).unwrap();
        let mut all = values(&q);
        all.extend([alignment(&z1, &z2, 2.0).unwrap(), uniformity(&z1, 2.0).unwrap()]);
        all
    };
    assert_close(&of(gpu), &of(Device::Cpu), 1e-10, "measures");
}

#[test]
fn a_loaders_batches() {
    let Some(gpu) = gpu() else { return };
    let (here, there) = (loader(Device::Cpu, 2), loader(gpu, 2));
    let batches = here.epoch(0, 0).unwrap().zip(there.epoch(0, 0).unwrap());
    let mut count = 0;
    for (here, there) in batches {
        let (here, there) = (here.unwrap(), there.unwrap());
        for (x, y) in here.views.iter().zip(&there.views) {
            assert_eq!(y.device(), gpu);
            assert_eq!(*x, y.to_device(Device::Cpu));
        }
        assert_eq!((here.indices, there.targets.device()), (there.indices, gpu));
        assert_eq!(here.targets, there.targets.to_device(Device::Cpu));
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn a_loader_prints_nothing() {
    if gpu().is_none() {
        return;
    }
    let job = support::start_job("a_loaders_batches", &[]).wait_with_output().unwrap();
    assert!(job.status.success());
    assert_eq!(String::from_utf8_lossy(&job.stderr), "");
}

fn check_training<L: ContrastiveLoss>(joint_views: bool) {
    let Some(gpu) = gpu() else { return };
    let train = |device| {
        let config = DCLConfig { joint_views, ..config() };
        let mut model = Estimator::<L>::new(config, device).unwrap();
        model.var_store_mut().double();
        let steps = Rc::new(Cell::new(0));
        let counted = steps.clone();
        let hook = move |outputs: &StepOutputs| {
            assert_eq!((outputs.z1.device(), outputs.z2.device()), (device, device));
            counted.set(counted.get() + 1);
        };
        let options = FitOptions { on_train_batch_end: Some(Box::new(hook)), ..quiet() };
        let history = model.fit(&Double(loader(device, 2)), options).unwrap();
        assert_eq!(steps.get(), 8);
        let mut weights: Vec<_> = model.var_store().variables().into_iter().collect();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        let weights = weights.iter().flat_map(|(_, weight)| values(weight)).collect::<Vec<_>>();
        (history.losses, weights)
    };
    let (here, there) = (train(Device::Cpu), train(gpu));
    assert_close(&there.0, &here.0, 1e-7, "losses");
    assert_close(&there.1, &here.1, 1e-5, "weights");
}

#[test]
fn training_in_one_pass_of_both_views() {
    check_training::<DCLLoss>(true);
}

#[test]
fn training_in_a_pass_for_each_view() {
    check_training::<InfoNCE>(false);
}

#[test]
fn five_steps_of_the_tutorials_network_equal_pytorchs() {
    let Some(gpu) = gpu() else { return };
    let expected = fixture(include_str!("fixtures/train/resnet18_steps.json"));
    let config = DCLConfig {
        temperature: 0.5,
        lr_scheduler: LrScheduler::Constant,
        max_epochs: 5,
        ..DCLConfig::tutorial(32)
    };
    let images = Formula { images: 16, size: 32, kind: Kind::Double, device: gpu };
    let mut model = DCL::new(config, gpu).unwrap();
    model.var_store_mut().double();
    support::fill(model.var_store());
    let losses = model.fit(&images, quiet()).unwrap().losses;
    assert_close(&losses, &numbers(&expected["DCL"]), 1e-4, "DCL");
}

#[test]
fn features_of_images() {
    let Some(gpu) = gpu() else { return };
    let of = |device, precision| {
        let model = DCL::new(config(), device).unwrap();
        let (x, y): (Array2<f32>, _) =
            model.transform_with_targets_in(&images(), precision).unwrap();
        (x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), y)
    };
    let (here, targets) = of(Device::Cpu, Precision::Float32);
    // libtorch's convolutions on a GPU are in TF32, with 10 bits of mantissa, as PyTorch's are.
    for (precision, tolerance) in [(Precision::Float32, 5e-3), (Precision::BFloat16, 4e-2)] {
        let (there, targets_there) = of(gpu, precision);
        assert_close(&there, &here, tolerance, "features");
        assert_eq!(targets, targets_there);
    }
}

#[test]
fn a_run_in_bfloat16_learns() {
    let Some(gpu) = gpu() else { return };
    let train = |precision| {
        let config = DCLConfig { precision, max_epochs: 15, ..config() };
        let mut model = DCL::new(config, gpu).unwrap();
        model.fit(&loader(gpu, 2), quiet()).unwrap().losses
    };
    let (half, full) = (train(Precision::BFloat16), train(Precision::Float32));
    assert!((half[0] - full[0]).abs() < 0.05 * full[0].abs(), "{} {}", half[0], full[0]);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&half[..4]), mean(&half[half.len() - 4..]));
    assert!(last < first - 0.15, "{first} {last}");
}

#[test]
fn a_run_goes_on_elsewhere() {
    let Some(gpu) = gpu() else { return };
    for (one, other) in [(gpu, Device::Cpu), (Device::Cpu, gpu)] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = || Some(Checkpoints::new(folder.path()));
        let mut model = DCL::new(DCLConfig { max_epochs: 1, ..config() }, one).unwrap();
        model.fit(&loader(one, 2), FitOptions { checkpoints: checkpoints(), ..quiet() }).unwrap();
        let mut model = DCL::load_training(folder.path(), other).unwrap();
        assert_eq!(model.device(), other);
        model.config.max_epochs = 2;
        let history = model
            .resume(&loader(other, 2), FitOptions { checkpoints: checkpoints(), ..quiet() })
            .unwrap();
        let mut whole = DCL::new(config(), Device::Cpu).unwrap();
        let expected = whole.fit(&loader(Device::Cpu, 2), quiet()).unwrap();
        assert_close(&history.losses, &expected.losses, 2e-2, "losses");

        let file = folder.path().join("weights.safetensors");
        model.save(&file).unwrap();
        let mut again = DCL::new(config(), one).unwrap();
        let weights =
            Weights::new(&folder.path().to_string_lossy(), None, "weights.safetensors").unwrap();
        weights.load_checkpoint(&mut again).unwrap();
        let x = |device| Tensor::ones([2, 3, 32, 32], (Kind::Float, device));
        let found = values(&again.encode(&x(one), false).unwrap());
        assert_close(&found, &values(&model.encode(&x(other), false).unwrap()), 5e-3, "features");
    }
}

#[test]
fn a_classifier() {
    let Some(gpu) = gpu() else { return };
    let train = |device| {
        let mut model = Classifier::new(config(), 10, device).unwrap();
        let losses = model.fit(&loader(device, 1), quiet()).unwrap().losses;
        assert!((0.0..=1.0).contains(&model.score(&images()).unwrap()));
        losses
    };
    assert_close(&train(gpu), &train(Device::Cpu), 2e-2, "losses");
}

#[test]
fn what_is_elsewhere_is_refused() {
    let Some(gpu) = gpu() else { return };
    let model = DCL::new(config(), gpu).unwrap();
    let x = Tensor::ones([2, 3, 32, 32], (Kind::Float, Device::Cpu));
    let error = model.encode(&x, false).unwrap_err().to_string();
    assert!(error.contains("to_device(Device::Cuda(0))"), "{error}");
    let error = DCL::new(config(), Device::Cuda(99)).unwrap_err().to_string();
    assert!(error.contains("best_device(), which is Cuda(0) here"), "{error}");
    let mut model = DCL::new(config(), gpu).unwrap();
    let error = model.fit(&loader(Device::Cpu, 2), quiet()).unwrap_err().to_string();
    assert!(error.contains("to_device(Device::Cuda(0))") || error.contains("device"), "{error}");
}
