//! The supervised network that the probes are compared with.

use tch::{Device, Kind, Tensor};
use twoviews::prelude::*;

fn shapes(num_images: usize) -> ImageDataset {
    Shapes10 { num_images, ..Default::default() }.generate().unwrap()
}

fn loader(images: ImageDataset, n_views: usize) -> MultiViewsLoader {
    let flip = RandomHorizontalFlip::default();
    let mild = Compose::new([flip.into(), ToTensor.into(), Normalize::default().into()]).unwrap();
    let views = MultiViewsTransform::new(mild, n_views).unwrap();
    let config = MultiViewsLoaderConfig { batch_size: 20, num_workers: 0, ..Default::default() };
    MultiViewsLoader::new(images, views, config).unwrap()
}

fn config(max_epochs: usize) -> DCLConfig {
    DCLConfig {
        encoder: EncoderKind::ResNet8,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 4e-3,
        lr_scheduler: LrScheduler::Constant,
        max_epochs,
        ..Default::default()
    }
}

fn quiet() -> FitOptions {
    FitOptions { quiet: true, ..Default::default() }
}

#[test]
fn it_learns_what_it_is_told_and_repeats_it() {
    tch::set_num_threads(1);
    let run = |max_epochs| {
        let lr_scheduler = LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr: 1e-6 };
        let config = DCLConfig { lr_scheduler, ..config(max_epochs) };
        let mut model = Classifier::new(config, 10, Device::Cpu).unwrap();
        let history = model.fit(&loader(shapes(20), 1), quiet()).unwrap();
        let images = DataLoader::new(shapes(20), 20, 0).unwrap();
        (history.losses, model.score(&images).unwrap())
    };
    let (losses, score) = run(100);
    assert_eq!(losses.len(), 100);
    // Guessing among ten: log 10.
    assert!((losses[0] - 10f64.ln()).abs() < 0.6, "{}", losses[0]);
    assert!(score > 0.8, "{score}");
    assert_eq!(run(3), run(3));
}

#[test]
fn its_encoder_begins_as_the_estimators() {
    let model = Classifier::new(config(1), 10, Device::Cpu).unwrap();
    let estimator = DCL::new(config(1), Device::Cpu).unwrap();
    let x = Tensor::ones([2, 3, 32, 32], (Kind::Float, Device::Cpu));
    let (a, b) = (model.encoder.forward_t(&x, false), estimator.encode(&x, false));
    assert_eq!(a.unwrap(), b.unwrap());
}

#[test]
fn it_trains_in_either_precision() {
    tch::set_num_threads(1);
    let losses = [Precision::Float32, Precision::BFloat16].map(|precision| {
        let config = DCLConfig { precision, ..config(1) };
        let mut model = Classifier::new(config, 10, Device::Cpu).unwrap();
        model.fit(&loader(shapes(40), 1), quiet()).unwrap().losses
    });
    let [whole, half] = losses.map(|losses| losses[0]);
    assert!(whole != half && (whole - half).abs() < 0.02 * whole, "{whole} {half}");
}

#[test]
fn every_view_counts_and_hooks_are_called() {
    tch::set_num_threads(1);
    let mut model = Classifier::new(config(2), 10, Device::Cpu).unwrap();
    let calls = std::rc::Rc::new(std::cell::RefCell::new((0, 0)));
    let (steps, epochs) = (calls.clone(), calls.clone());
    let options = FitOptions {
        on_step: Some(Box::new(move |_| steps.borrow_mut().0 += 1)),
        on_epoch: Some(Box::new(move |_| epochs.borrow_mut().1 += 1)),
        ..quiet()
    };
    let history = model.fit(&loader(shapes(40), 3), options).unwrap();
    assert_eq!((*calls.borrow(), history.epoch_losses.len(), history.images), ((4, 2), 2, 80));
}

/// Hands out another number of batches than it says.
struct Miscounting(MultiViewsLoader, usize);

impl ViewsLoader for Miscounting {
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
        self.1
    }
    fn epoch(
        &self,
        epoch: u64,
        first_batch: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        self.0.epoch(epoch, first_batch)
    }
}

#[test]
fn a_loader_that_miscounts_is_refused_with_the_batch() {
    tch::set_num_threads(1);
    for (says, found) in
        [(1, "more batches in epoch 0, batch 1"), (3, "fewer batches in epoch 0, batch 2")]
    {
        let two = || Miscounting(loader(shapes(40), 2), says);
        let supervised = Classifier::new(config(1), 10, Device::Cpu).unwrap().fit(&two(), quiet());
        let contrastive = DCL::new(config(1), Device::Cpu).unwrap().fit(&two(), quiet());
        for error in [supervised.unwrap_err(), contrastive.unwrap_err()] {
            assert!(error.to_string().contains(found), "{error}");
        }
    }
}

#[test]
fn bad_input_is_named() {
    let named = |error: Error, words: &str| assert!(error.to_string().contains(words), "{error}");
    named(Classifier::new(config(1), 1, Device::Cpu).unwrap_err(), "classes = 1");
    named(Classifier::new(config(0), 10, Device::Cpu).unwrap_err(), "max_epochs");
    let mut model = Classifier::new(config(1), 5, Device::Cpu).unwrap();
    named(model.fit(&loader(shapes(40), 1), quiet()).unwrap_err(), "5 classes");
    let hook = |_: &StepOutputs| {};
    let options = FitOptions { on_train_batch_end: Some(Box::new(hook)), ..quiet() };
    named(model.fit(&loader(shapes(40), 1), options).unwrap_err(), "on_train_batch_end");
    let mut model = Classifier::new(config(1), 10, Device::Cpu).unwrap();
    named(model.fit(&loader(shapes(21), 1), quiet()).unwrap_err(), "batch_size");
    // A weight that has gone astray.
    let _guard = tch::no_grad_guard();
    let _ = model.head.ws.fill_(f64::NAN);
    drop(_guard);
    named(model.fit(&loader(shapes(40), 1), quiet()).unwrap_err(), "epoch 0, batch 0");
}
