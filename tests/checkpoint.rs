//! Saving runs and taking them up again.

mod support;

use std::path::Path;

use tch::{Device, Kind, Tensor};
use twoviews::data::Shapes10;
use twoviews::loaders::{DataLoader, MultiViewsLoader, MultiViewsLoaderConfig};
use twoviews::losses::{ContrastiveLoss, DCLLoss};
use twoviews::models::{DCL, DCLConfig, SimCLR};
use twoviews::probes::KnnProbe;
use twoviews::train::{
    Checkpoints, EncoderKind, FitOptions, History, LrScheduler, OnlineKnn, OptimizerKind,
};
use twoviews::transforms::{MultiViewsTransform, simclr_transform};
use twoviews::weights::{Weights, read_state_dict};
use twoviews::{Error, Result};

const BATCHES: usize = 4;

fn config(optimizer: OptimizerKind) -> DCLConfig {
    DCLConfig {
        encoder: EncoderKind::ResNet8,
        optimizer,
        learning_rate: 2e-3,
        temperature: 0.2,
        lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr: 1e-6 },
        max_epochs: 3,
        ..Default::default()
    }
}

fn loader(seed: u64) -> MultiViewsLoader {
    let shapes = Shapes10 { num_images: 60, ..Default::default() }.generate().unwrap();
    let views = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
    let config = MultiViewsLoaderConfig { batch_size: 16, seed, ..Default::default() };
    MultiViewsLoader::new(shapes, views, config).unwrap()
}

fn quiet(folder: Option<&Path>) -> FitOptions {
    FitOptions { quiet: true, checkpoints: folder.map(Checkpoints::new), ..Default::default() }
}

/// Stops a run with an error after `steps` steps, as a full disk or a lost device would.
struct Failing {
    loader: MultiViewsLoader,
    left: std::cell::Cell<usize>,
}

impl twoviews::loaders::ViewsLoader for Failing {
    fn num_images(&self) -> usize {
        self.loader.num_images()
    }
    fn batch_size(&self) -> usize {
        self.loader.batch_size()
    }
    fn seed(&self) -> u64 {
        self.loader.seed()
    }
    fn batches_per_epoch(&self) -> usize {
        self.loader.batches_per_epoch()
    }
    fn epoch(
        &self,
        epoch: u64,
        first_batch: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<twoviews::loaders::ViewsBatch>> + '_>> {
        let batches = self.loader.epoch(epoch, first_batch)?;
        Ok(Box::new(batches.map(|batch| {
            let left = self.left.get();
            self.left.set(left.saturating_sub(1));
            if left == 0 { Err(Error::Interrupted { place: "here".into() }) } else { batch }
        })))
    }
}

fn weights(model: &DCL) -> Vec<(String, Vec<f32>)> {
    let mut all: Vec<_> = model
        .var_store()
        .variables()
        .into_iter()
        .map(|(name, tensor)| (name, Vec::try_from(tensor.contiguous().flatten(0, -1)).unwrap()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Everything but the time, which differs from run to run.
fn timeless(history: History) -> History {
    History { seconds: 0.0, ..history }
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    // One thread: sums of several threads may come in another order.
    tch::set_num_threads(1);
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::AdamW] {
        let mut whole = DCL::new(config(optimizer), Device::Cpu).unwrap();
        let expected = timeless(whole.fit(&loader(7), quiet(None)).unwrap());
        assert_eq!(expected.losses.len(), 3 * BATCHES);
        for steps in [1, 4, 6] {
            let mut model = DCL::new(config(optimizer), Device::Cpu).unwrap();
            let failing = Failing { loader: loader(7), left: steps.into() };
            let history = model.fit(&failing, quiet(None)).unwrap();
            assert!(history.interrupted);
            assert_eq!(history.losses, expected.losses[..steps]);
            let history = model.resume(&loader(7), quiet(None)).unwrap();
            assert_eq!(timeless(history), expected);
            assert_eq!(weights(&model), weights(&whole), "{optimizer:?} after {steps} steps");
        }
    }
}

#[test]
fn a_run_goes_on_from_its_checkpoint_in_another_process() {
    tch::set_num_threads(1);
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        let mut whole = DCL::new(config(optimizer), Device::Cpu).unwrap();
        let expected = timeless(whole.fit(&loader(7), quiet(None)).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let mut model = DCL::new(config(optimizer), Device::Cpu).unwrap();
        let failing = Failing { loader: loader(7), left: 6.into() };
        // Saved after every step: the last checkpoint lies within the second epoch.
        let checkpoints = Checkpoints { minutes: 1e-9, ..Checkpoints::new(folder.path()) };
        let options =
            FitOptions { quiet: true, checkpoints: Some(checkpoints), ..Default::default() };
        model.fit(&failing, options).unwrap();
        drop(model);
        let mut model = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        let history = model.resume(&loader(7), quiet(Some(folder.path()))).unwrap();
        assert_eq!(timeless(history), expected);
        assert_eq!(weights(&model), weights(&whole), "{optimizer:?}");
        let done = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        assert_eq!(weights(&done), weights(&whole));
    }
}

#[test]
fn the_last_and_the_best_are_kept_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = DCL::new(config(OptimizerKind::AdamW), Device::Cpu).unwrap();
    let history = model.fit(&loader(7), quiet(Some(folder.path()))).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let losses = &history.epoch_losses;
    let best = (0..3).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap() + 1;
    let mut expected = vec!["best.json".to_owned(), "last.json".to_owned()];
    for epoch in std::collections::BTreeSet::from([best, 3]) {
        let stem = format!("step-{:07}", epoch * BATCHES);
        expected.push(format!("{stem}.optimizer.safetensors"));
        expected.push(format!("{stem}.safetensors"));
    }
    assert_eq!(names, expected);
    // What is saved loads like any other checkpoint.
    let mut loaded = DCL::new(config(OptimizerKind::AdamW), Device::Cpu).unwrap();
    let file = format!("step-{:07}.safetensors", 3 * BATCHES);
    let source = folder.path().to_string_lossy();
    Weights::new(&source, None, &file).unwrap().load_checkpoint(&mut loaded).unwrap();
    assert_eq!(weights(&loaded), weights(&model));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = DCL::new(config(OptimizerKind::AdamW), Device::Cpu).unwrap();
    let error = model.resume(&loader(7), quiet(None)).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "resume", .. }), "{error}");
    model.fit(&loader(7), quiet(Some(folder.path()))).unwrap();
    let error = model.resume(&loader(8), quiet(None)).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "loader", .. }), "{error}");
    let before = std::fs::read(folder.path().join("last.json")).unwrap();
    let error = model.fit(&loader(7), quiet(Some(folder.path()))).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "checkpoints.folder", .. }), "{error}");
    assert_eq!(std::fs::read(folder.path().join("last.json")).unwrap(), before);
    let error = SimCLR::load_training(folder.path(), Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("DCL") && error.contains("SimCLR"), "{error}");
    let error = DCL::load_training(folder.path().join("none"), Device::Cpu).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    std::fs::write(folder.path().join("last.json"), "{}").unwrap();
    let error = DCL::load_training(folder.path(), Device::Cpu).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error}");
}

#[test]
#[cfg(unix)]
fn a_checkpoint_that_cannot_be_written_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = DCL::new(config(OptimizerKind::AdamW), Device::Cpu).unwrap();
    // A folder where the tensors should go: writing fails whoever runs the test.
    let blocked = folder.path().join(format!("step-{BATCHES:07}.safetensors"));
    std::fs::create_dir_all(blocked.join("full")).unwrap();
    let error = model.fit(&loader(7), quiet(Some(folder.path()))).unwrap_err();
    assert!(matches!(error, Error::Io { action: "write", .. }), "{error}");
    assert!(!folder.path().join("last.json").exists());
    std::fs::remove_dir_all(&blocked).unwrap();
    let history = model.resume(&loader(7), quiet(Some(folder.path()))).unwrap();
    assert_eq!(history.losses.len(), 3 * BATCHES);
    assert!(folder.path().join("last.json").exists());
}

#[test]
fn validation_and_knn_follow_the_run() {
    let shapes = |seed| Shapes10 { num_images: 40, seed, ..Default::default() }.generate().unwrap();
    let knn = OnlineKnn {
        bank: DataLoader::new(shapes(1), 20, 0).unwrap(),
        queries: DataLoader::new(shapes(2), 20, 0).unwrap(),
        probe: KnnProbe { k: 5, ..Default::default() },
        every_epochs: 2,
    };
    let options = FitOptions {
        validation: Some(Box::new(loader(9))),
        knn: Some(knn.clone()),
        quiet: true,
        ..Default::default()
    };
    let mut model = DCL::new(config(OptimizerKind::AdamW), Device::Cpu).unwrap();
    let history = model.fit(&loader(7), options).unwrap();
    assert_eq!(history.validation_losses.len(), 3);
    assert!(history.validation_losses.iter().all(|loss| loss.is_finite()));
    let epochs: Vec<usize> = history.knn_accuracies.iter().map(|(epoch, _)| *epoch).collect();
    assert_eq!(epochs, [2, 3]);
    let (bank, labels) = model.transform_with_targets(&knn.bank).unwrap();
    let (x, y) = model.transform_with_targets(&knn.queries).unwrap();
    let after = knn.probe.score((&bank, &labels), (&x, &y)).unwrap();
    assert_eq!(history.knn_accuracies[1].1, after);
}

#[test]
fn bfloat16_trains_nearly_like_float32() {
    let run = |bf16| {
        let mut model =
            DCL::new(DCLConfig { bf16, ..config(OptimizerKind::AdamW) }, Device::Cpu).unwrap();
        let history = model.fit(&loader(7), quiet(None)).unwrap();
        let kinds: Vec<Kind> = model.var_store().variables().values().map(Tensor::kind).collect();
        assert!(kinds.iter().all(|kind| *kind == Kind::Float));
        history.losses
    };
    let (half, full) = (run(true), run(false));
    assert_ne!(half, full);
    for (step, (a, b)) in half.iter().zip(&full).enumerate() {
        // bfloat16 keeps 8 bits of a number.
        assert!((a - b).abs() < 0.05, "step {step}: {a} instead of {b}");
    }
}

#[test]
fn saved_weights_come_back_and_a_bad_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let model = DCL::new(config(OptimizerKind::Sgd), Device::Cpu).unwrap();
    let path = folder.path().join("dcl.safetensors");
    model.save(&path).unwrap();
    let read = read_state_dict(&path).unwrap();
    for (name, tensor) in model.var_store().variables() {
        assert!(read[&name].equal(&tensor), "{name}");
    }
    let error = model.save(folder.path().join("none/dcl.safetensors")).unwrap_err();
    assert!(matches!(error, Error::Io { action: "write", .. }), "{error}");
}

/// Not a test of its own: the process that `a_killed_run_goes_on` starts and kills.
#[test]
#[ignore = "started by another test"]
fn child_that_trains() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        tch::set_num_threads(1);
        let checkpoints = Checkpoints { minutes: 1e-9, ..Checkpoints::new(folder) };
        let options =
            FitOptions { quiet: true, checkpoints: Some(checkpoints), ..Default::default() };
        let config = DCLConfig { max_epochs: 30, ..config(OptimizerKind::AdamW) };
        DCL::new(config, Device::Cpu).unwrap().fit(&loader(7), options).unwrap();
    }
}

const CHILD_FOLDER: &str = "TWOVIEWS_TEST_CHILD_FOLDER";

/// Kills a run without warning after each of `delays`, counted from its first checkpoint on, and
/// goes on from what it left.
#[cfg(unix)]
fn kill_and_go_on(delays: &[u64]) {
    use std::process::{Command, Stdio};
    use std::time::Duration;
    tch::set_num_threads(1);
    let config = DCLConfig { max_epochs: 30, ..config(OptimizerKind::AdamW) };
    let expected = DCL::new(config, Device::Cpu).unwrap().fit(&loader(7), quiet(None)).unwrap();
    for &delay in delays {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_trains", "--ignored"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !folder.path().join("last.json").exists() {
            assert!(child.try_wait().unwrap().is_none(), "the run ended without a checkpoint");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut model = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        let history = model.resume(&loader(7), quiet(Some(folder.path()))).unwrap();
        assert_eq!(history.losses, expected.losses, "killed after {delay} ms");
    }
}

#[test]
#[cfg(unix)]
fn a_killed_run_goes_on() {
    kill_and_go_on(&[37, 613]);
}

#[test]
#[cfg(unix)]
#[ignore = "slow"]
fn a_run_killed_at_ten_moments_goes_on() {
    kill_and_go_on(&[0, 11, 53, 101, 199, 307, 409, 503, 701, 997]);
}

/// The snippet of `Estimator::save`, run by a Python that has torch, torchvision and safetensors.
#[test]
fn python_loads_what_is_saved() {
    let Some(python) = std::env::var_os("TWOVIEWS_TEST_PYTHON") else {
        println!("skipped: TWOVIEWS_TEST_PYTHON names no Python with torch");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dcl.safetensors");
    let model = DCL::new(DCLConfig::default(), Device::Cpu).unwrap();
    model.save(&path).unwrap();
    let script = "
import sys, safetensors.torch, torch
from torch import nn
from torchvision.models import resnet18
encoder = resnet18(num_classes=128)
encoder.conv1, encoder.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
state = safetensors.torch.load_file(sys.argv[1])
encoder.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith('encoder.')})
x = torch.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32) / 6144 - 0.5
print(' '.join(map(str, encoder.eval()(x).detach().flatten().tolist())))
";
    let output = std::process::Command::new(python)
        .args(["-c", script])
        .arg(&path)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<f64> = String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let x = Tensor::arange(2 * 3 * 32 * 32, (Kind::Float, Device::Cpu)).view([2, 3, 32, 32]);
    let ours = model.encode(&(x / 6144.0 - 0.5), false).unwrap().flatten(0, -1);
    let ours: Vec<f64> = Vec::try_from(ours.to_kind(Kind::Double)).unwrap();
    support::assert_close(&ours, &theirs, 1e-5, "features");
}

/// Not a test of its own: a process that trains until it is killed.
#[test]
#[ignore = "started by another test"]
fn child_that_trains_on() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let config = DCLConfig { max_epochs: 1_000_000, ..config(OptimizerKind::Sgd) };
        let mut model = DCL::new(config, Device::Cpu).unwrap();
        model.fit(&loader(7), quiet(Some(Path::new(&folder)))).unwrap();
    }
}

/// Two runs in one folder would remove each other's files.
#[test]
#[cfg(unix)]
fn a_folder_has_one_run_at_a_time() {
    use std::process::{Command, Stdio};
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_trains_on", "--ignored"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !folder.path().join("last.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended without a checkpoint");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // It can be looked at while it trains, though not taken up.
    let mut second = DCL::load_training(folder.path(), Device::Cpu).unwrap();
    let error = second.resume(&loader(7), quiet(Some(folder.path()))).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Parameter { name: "checkpoints.folder", .. }), "{text}");
    assert!(text.contains(&format!("Process {} is training into it", child.id())), "{text}");
    assert!(child.try_wait().unwrap().is_none(), "the first run goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock went with the process, although its file is still there.
    assert!(folder.path().join("run.lock").exists());
    let mut third = DCL::load_training(folder.path(), Device::Cpu).unwrap();
    let stopping = Failing { loader: loader(7), left: BATCHES.into() };
    assert!(third.resume(&stopping, quiet(Some(folder.path()))).unwrap().interrupted);
    assert!(!folder.path().join("run.lock").exists(), "a run that ends takes its lock along");
}

/// Within a process, too: the loader of the first run begins a second one.
#[test]
fn a_run_is_not_begun_within_another() {
    let folder = tempfile::tempdir().unwrap();
    let error = std::rc::Rc::new(std::cell::RefCell::new(None));
    let (place, path) = (error.clone(), folder.path().to_owned());
    let hook: twoviews::train::Hook = Box::new(move |_| {
        let mut model = DCL::new(config(OptimizerKind::Sgd), Device::Cpu).unwrap();
        place.borrow_mut().replace(model.fit(&loader(8), quiet(Some(&path))).unwrap_err());
    });
    let options = FitOptions { on_step: Some(hook), ..quiet(Some(folder.path())) };
    let one = DCLConfig { max_epochs: 1, ..config(OptimizerKind::Sgd) };
    DCL::new(one, Device::Cpu).unwrap().fit(&loader(7), options).unwrap();
    let error = error.borrow_mut().take().unwrap().to_string();
    assert!(error.contains("Another run of this process"), "{error}");
}

/// A run of one epoch in a folder, read back.
fn saved(folder: &Path) -> DCL {
    let one = DCLConfig { max_epochs: 1, ..config(OptimizerKind::AdamW) };
    DCL::new(one, Device::Cpu).unwrap().fit(&loader(7), quiet(Some(folder))).unwrap();
    DCL::load_training(folder, Device::Cpu).unwrap()
}

#[test]
fn what_a_run_cannot_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = saved(folder.path());
    let begun = model.config.clone();
    let mut refused = |config: DCLConfig, name: &str| {
        model.config = config;
        let error = model.resume(&loader(7), quiet(Some(folder.path()))).unwrap_err();
        let Error::Parameter { name: found, .. } = &error else { panic!("{error}") };
        assert_eq!(*found, name, "{error}");
    };
    let more = DCLConfig { max_epochs: 2, ..begun.clone() };
    refused(DCLConfig { encoder: EncoderKind::ResNet18, ..more.clone() }, "encoder");
    refused(DCLConfig { latent_size: 64, ..more.clone() }, "latent_size");
    refused(DCLConfig { proj_hidden_dim: 64, ..more.clone() }, "proj_hidden_dim");
    refused(DCLConfig { proj_output_dim: 64, ..more.clone() }, "proj_output_dim");
    refused(DCLConfig { random_state: 1, ..more.clone() }, "random_state");
    refused(DCLConfig { optimizer: OptimizerKind::Sgd, ..more.clone() }, "optimizer");
    refused(DCLConfig { weight_decay: -1.0, ..more.clone() }, "weight_decay");
    refused(DCLConfig { max_epochs: 0, ..more.clone() }, "max_epochs");
    // Neither the model nor the files have suffered.
    model.config = more;
    model.resume(&loader(7), quiet(Some(folder.path()))).unwrap();
    let done = DCL::load_training(folder.path(), Device::Cpu).unwrap();
    assert_eq!(done.config, DCLConfig { max_epochs: 2, ..begun });
}

#[test]
fn fewer_epochs_than_were_begun_are_refused() {
    let mut model = DCL::new(config(OptimizerKind::Sgd), Device::Cpu).unwrap();
    let failing = Failing { loader: loader(7), left: (BATCHES + 2).into() };
    model.fit(&failing, quiet(None)).unwrap();
    model.config.max_epochs = 1;
    let error = model.resume(&loader(7), quiet(None)).unwrap_err().to_string();
    assert!(error.contains("epoch 2"), "{error}");
    model.config.max_epochs = 2;
    let history = model.resume(&loader(7), quiet(None)).unwrap();
    assert_eq!(history.losses.len(), 2 * BATCHES);
}

/// What may change decides the very next step, as it does in a run that began with it.
#[test]
fn what_a_run_can_change_takes_effect() {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    drop(saved(folder.path()));
    let resume = |change: &dyn Fn(&mut DCLConfig)| {
        let mut model = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        model.config.max_epochs = 2;
        change(&mut model.config);
        let history = model.resume(&loader(7), quiet(None)).unwrap();
        assert_eq!(model.loss.temperature(), model.config.temperature);
        (
            history.losses[BATCHES..].to_vec(),
            history.learning_rates[BATCHES..].to_vec(),
            weights(&model),
        )
    };
    let plain = resume(&|_| {});
    assert_eq!(resume(&|_| {}), plain);
    let changes: [&dyn Fn(&mut DCLConfig); 7] = [
        &|c| c.temperature = 0.5,
        &|c| c.learning_rate = 1e-3,
        &|c| c.weight_decay = 0.1,
        &|c| c.joint_views = true,
        &|c| c.bf16 = true,
        &|c| c.lr_scheduler = LrScheduler::Constant,
        &|c| {
            c.weight_decay = 0.1;
            c.exclude_bias_and_norm_wd = false;
        },
    ];
    let mut all = vec![plain];
    for (i, change) in changes.into_iter().enumerate() {
        let changed = resume(change);
        assert!(all.iter().all(|other| other.2 != changed.2), "change {i} has no effect");
        all.push(changed);
    }
    assert_eq!(all[2].1[1], all[0].1[1] / 2.0, "half the rate");
    // The rate of a run of four epochs at its second: the cosine is stretched.
    let stretched = resume(&|c| c.max_epochs = 4).1;
    let DCLConfig { lr_scheduler, learning_rate: base, .. } = config(OptimizerKind::AdamW);
    let rates: Vec<f64> = (BATCHES..4 * BATCHES)
        .map(|step| twoviews::train::learning_rate(&lr_scheduler, base, step, BATCHES, 4 * BATCHES))
        .collect();
    assert_eq!(stretched, rates);
}

/// Before a run begins, too: nothing is recorded that was not used.
#[test]
fn a_change_before_the_first_step_takes_effect_or_is_refused() {
    tch::set_num_threads(1);
    let one = |temperature| DCLConfig { max_epochs: 1, temperature, ..config(OptimizerKind::Sgd) };
    let mut cold = DCL::new(one(0.1), Device::Cpu).unwrap();
    let expected = cold.fit(&loader(7), quiet(None)).unwrap().losses;
    let mut model = DCL::new(one(0.2), Device::Cpu).unwrap();
    model.config.temperature = 0.1;
    assert_eq!(model.fit(&loader(7), quiet(None)).unwrap().losses, expected);
    let mut model = DCL::new(one(0.2), Device::Cpu).unwrap();
    model.loss = DCLLoss::new(0.1).unwrap();
    let error = model.fit(&loader(7), quiet(None)).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "loss.temperature", .. }), "{error}");
    model.config.temperature = 0.1;
    assert_eq!(model.fit(&loader(7), quiet(None)).unwrap().losses, expected);
    model.config.latent_size = 64;
    let error = model.fit(&loader(7), quiet(None)).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "latent_size", .. }), "{error}");
}
