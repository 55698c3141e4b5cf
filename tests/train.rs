//! Training against nidl's losses, optimizers and schedule, step by step.

mod support;

use support::formula::Formula;
use support::{assert_close, fixture, numbers};
use tch::{Device, Kind};
use twoviews::data::Shapes10;
use twoviews::estimator::{Checkpoints, DCL, DCLConfig, Estimator, FitOptions};
use twoviews::loaders::{MultiViewsLoader, MultiViewsLoaderConfig, ViewsBatch, ViewsLoader};
use twoviews::losses::{ContrastiveLoss, DCLLoss, InfoNCE};
use twoviews::models::EncoderKind;
use twoviews::optim::{LrScheduler, OptimizerKind, learning_rate};
use twoviews::transforms::{MultiViewsTransform, simclr_transform};
use twoviews::{Error, Result};

fn ten_steps<L: ContrastiveLoss>(case: &serde_json::Value) {
    let optimizer = match case["optimizer"].as_str().unwrap() {
        "sgd" => OptimizerKind::Sgd,
        "adam" => OptimizerKind::Adam,
        _ => OptimizerKind::AdamW,
    };
    let config = DCLConfig {
        encoder: EncoderKind::ResNet8,
        temperature: 0.07,
        optimizer,
        learning_rate: case["learning_rate"].as_f64().unwrap(),
        lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 4, warmup_start_lr: 1e-6 },
        max_epochs: 10,
        ..Default::default()
    };
    let mut model = Estimator::<L>::new(config, Device::Cpu).unwrap();
    model.var_store_mut().double();
    support::fill(model.var_store());
    let images = Formula { images: 6, size: 16, kind: Kind::Double, device: Device::Cpu };
    let history = model.fit(&images, FitOptions { quiet: true, ..Default::default() }).unwrap();
    assert_close(&history.learning_rates, &numbers(&case["rates"]), 1e-9, "rates");
    assert_close(&history.losses, &numbers(&case["losses"]), 1e-8, "losses");
    let norms = case["norms"].as_object().unwrap();
    let variables = model.var_store().variables();
    assert_eq!(variables.len(), norms.len());
    for (name, norm) in norms {
        let found = variables[name].norm().double_value(&[]);
        assert_close(&[found], &[norm.as_f64().unwrap()], 1e-8, name);
    }
}

#[test]
fn ten_steps_equal_nidls() {
    let fixture = fixture(include_str!("fixtures/train/ten_steps.json"));
    let cases = fixture.as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        match case["method"].as_str().unwrap() {
            "SimCLR" => ten_steps::<InfoNCE>(case),
            _ => ten_steps::<DCLLoss>(case),
        }
    }
}

fn resnet18_steps<L: ContrastiveLoss>() -> Vec<f64> {
    let config = DCLConfig {
        temperature: 0.5,
        lr_scheduler: LrScheduler::Constant,
        max_epochs: 5,
        ..DCLConfig::tutorial(32)
    };
    let mut model = Estimator::<L>::new(config, Device::Cpu).unwrap();
    support::fill(model.var_store());
    let images = Formula { images: 16, size: 32, kind: Kind::Float, device: Device::Cpu };
    model.fit(&images, FitOptions { quiet: true, ..Default::default() }).unwrap().losses
}

#[test]
fn five_steps_of_the_tutorials_network_equal_pytorchs() {
    let fixture = fixture(include_str!("fixtures/train/resnet18_steps.json"));
    assert_close(&resnet18_steps::<InfoNCE>(), &numbers(&fixture["SimCLR"]), 1e-4, "SimCLR");
    assert_close(&resnet18_steps::<DCLLoss>(), &numbers(&fixture["DCL"]), 1e-4, "DCL");
}

#[test]
fn the_learning_rates_of_a_whole_run_equal_nidls() {
    let expected = numbers(&fixture(include_str!("fixtures/train/rates.json")));
    let config = DCLConfig::tutorial(32);
    let rates: Vec<f64> = (0..400)
        .map(|step| learning_rate(&config.lr_scheduler, config.learning_rate, step, 4, 400))
        .collect();
    assert_close(&rates, &expected, 1e-9, "learning rates");
}

fn small() -> DCLConfig {
    DCLConfig {
        encoder: EncoderKind::ResNet8,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 2e-3,
        temperature: 0.2,
        lr_scheduler: LrScheduler::Constant,
        max_epochs: 3,
        ..Default::default()
    }
}

/// The first batch of a loader, again and again.
struct OneBatch(MultiViewsLoader);

impl ViewsLoader for OneBatch {
    fn num_images(&self) -> usize {
        self.0.batch_size()
    }

    fn batch_size(&self) -> usize {
        self.0.batch_size()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }

    fn batches_per_epoch(&self) -> usize {
        1
    }

    fn epoch(&self, _: u64, _: usize) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        Ok(Box::new(self.0.epoch(0, 0)?.take(1)))
    }
}

#[test]
fn views_that_come_again_are_learnt() {
    let config = DCLConfig { max_epochs: 40, ..small() };
    let mut model = DCL::new(config.clone(), Device::Cpu).unwrap();
    let quiet = FitOptions { quiet: true, ..Default::default() };
    let losses = model.fit(&OneBatch(loader(160, 2)), quiet).unwrap().losses;
    // Random embeddings leave log(62) - 0 = 4.1; a network that tells 32 pairs apart gets below 0.
    assert!(losses[0] > 3.0 && losses[39] < 1.0, "{losses:?}");
}

fn loader(num_images: usize, n_views: usize) -> MultiViewsLoader {
    let shapes = Shapes10 { num_images, ..Default::default() }.generate().unwrap();
    let views = MultiViewsTransform::new(simclr_transform(), n_views).unwrap();
    let config = MultiViewsLoaderConfig { batch_size: 32, num_workers: 1, ..Default::default() };
    MultiViewsLoader::new(shapes, views, config).unwrap()
}

#[test]
fn the_run_repeats_and_the_hooks_are_called() {
    let run = |joint_views| {
        let mut model = DCL::new(DCLConfig { joint_views, ..small() }, Device::Cpu).unwrap();
        let calls = std::rc::Rc::new(std::cell::RefCell::new((0, 0)));
        let (steps, epochs) = (calls.clone(), calls.clone());
        let options = FitOptions {
            on_step: Some(Box::new(move |_| steps.borrow_mut().0 += 1)),
            on_epoch: Some(Box::new(move |_| epochs.borrow_mut().1 += 1)),
            quiet: true,
            ..Default::default()
        };
        let history = model.fit(&loader(160, 2), options).unwrap();
        assert_eq!(*calls.borrow(), (15, 3));
        assert_eq!((history.images, history.losses.len()), (480, 15));
        history
    };
    let first = run(false);
    assert_close(&run(false).losses, &first.losses, 1e-4, "the same run again");
    assert!(run(true).losses[0] != first.losses[0]);
}

#[test]
fn bad_input_is_named() {
    let mut model = DCL::new(small(), Device::Cpu).unwrap();
    let quiet = || FitOptions { quiet: true, ..Default::default() };
    let error = model.fit(&loader(40, 3), quiet()).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "n_views", .. }), "{error}");
    let mut wild = DCL::new(
        DCLConfig { learning_rate: 1e30, optimizer: OptimizerKind::Sgd, ..small() },
        Device::Cpu,
    )
    .unwrap();
    let error = wild.fit(&loader(160, 2), quiet()).unwrap_err().to_string();
    assert!(error.contains("in epoch 0, batch"), "{error}");
}

/// One image has no negatives: a run would end, for good, with the last batch of its first epoch.
#[test]
fn a_last_batch_of_one_image_is_refused_before_training() {
    tch::set_num_threads(1);
    let views = |drop_last, num_images, batch_size| {
        let shapes = Shapes10 { num_images, ..Default::default() }.generate().unwrap();
        let views = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
        let config =
            MultiViewsLoaderConfig { batch_size, drop_last, num_workers: 0, ..Default::default() };
        MultiViewsLoader::new(shapes, views, config).unwrap()
    };
    let config = DCLConfig { max_epochs: 1, ..small() };
    let mut model = DCL::new(config, Device::Cpu).unwrap();
    let mut fit = |loader: &MultiViewsLoader| {
        let steps = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = steps.clone();
        let options = FitOptions {
            quiet: true,
            on_step: Some(Box::new(move |_| count.set(count.get() + 1))),
            ..Default::default()
        };
        (model.fit(loader, options), steps.get())
    };
    for (num_images, batch_size) in [(9, 8), (9, 4), (5, 2), (1, 4), (6, 1)] {
        let (outcome, steps) = fit(&views(false, num_images, batch_size));
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Parameter { name: "batch_size", .. }), "{error}");
        assert_eq!(steps, 0, "{num_images} in batches of {batch_size}");
        if num_images > 1 && batch_size > 1 {
            assert!(error.to_string().contains("drop_last"), "{error}");
        }
    }
    for (drop_last, num_images, batch_size, expected) in
        [(true, 9, 8, 1), (true, 9, 4, 2), (false, 10, 4, 3), (false, 2, 64, 1)]
    {
        let (outcome, steps) = fit(&views(drop_last, num_images, batch_size));
        assert_eq!(outcome.unwrap().losses.len(), expected);
        assert_eq!(steps, expected);
    }
    // Validation leaves such a batch out, but needs another one.
    let options = |loader| FitOptions {
        quiet: true,
        validation: Some(Box::new(loader)),
        ..Default::default()
    };
    let mut model = DCL::new(DCLConfig { max_epochs: 1, ..small() }, Device::Cpu).unwrap();
    let history = model.fit(&views(false, 4, 2), options(views(false, 5, 4))).unwrap();
    assert_eq!(history.validation_losses.len(), 1);
    let error = model.fit(&views(false, 4, 2), options(views(false, 5, 1))).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "validation", .. }), "{error}");
}

#[test]
fn settings_that_end_or_spoil_a_run_are_refused() {
    tch::set_num_threads(1);
    let warmup = |warmup_start_lr| DCLConfig {
        lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr },
        ..small()
    };
    for start in [f64::NAN, -1e-3, f64::INFINITY] {
        let error = DCL::new(warmup(start), Device::Cpu).unwrap_err();
        assert!(matches!(error, Error::Parameter { name: "warmup_start_lr", .. }), "{error}");
    }
    assert!(DCL::new(warmup(0.0), Device::Cpu).is_ok());
    let error = DCL::new(DCLConfig { temperature: 1e-45, ..small() }, Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("float32"), "{error}");
    for (minutes, allowed) in
        [(f64::NAN, false), (-1.0, false), (0.0, false), (f64::INFINITY, true), (1e300, true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { minutes, ..Checkpoints::new(folder.path()) };
        let options =
            FitOptions { quiet: true, checkpoints: Some(checkpoints), ..Default::default() };
        let mut model = DCL::new(DCLConfig { max_epochs: 1, ..small() }, Device::Cpu).unwrap();
        match model.fit(&loader(32, 2), options) {
            Ok(_) => assert!(allowed && folder.path().join("last.json").exists(), "{minutes}"),
            Err(error) => assert!(!allowed && error.to_string().contains("minutes"), "{error}"),
        }
    }
}

#[test]
fn nidls_names_are_taken_in_any_case() {
    let names = [
        ("sgd", OptimizerKind::Sgd),
        ("SGD", OptimizerKind::Sgd),
        ("adam", OptimizerKind::Adam),
        ("adamW", OptimizerKind::AdamW),
        ("AdamW", OptimizerKind::AdamW),
        ("adamw", OptimizerKind::AdamW),
    ];
    for (name, kind) in names {
        assert_eq!(name.parse::<OptimizerKind>().unwrap(), kind);
    }
    let error = "lion".parse::<OptimizerKind>().unwrap_err().to_string();
    assert!(error.contains("lion") && error.contains("adamW"), "{error}");
}
