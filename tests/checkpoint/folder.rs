//! What stands in a run's folder, and what is refused or cannot be written.

use tch::Device;
use twoviews::prelude::*;
use twoviews::weights::read_state_dict;

use super::{BATCHES, config, loader, quiet, weights};

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

/// Within a process, too: the loader of the first run begins a second one.
#[test]
fn a_run_is_not_begun_within_another() {
    let folder = tempfile::tempdir().unwrap();
    let error = std::rc::Rc::new(std::cell::RefCell::new(None));
    let (place, path) = (error.clone(), folder.path().to_owned());
    let hook: twoviews::estimator::Hook = Box::new(move |_| {
        let mut model = DCL::new(config(OptimizerKind::Sgd), Device::Cpu).unwrap();
        place.borrow_mut().replace(model.fit(&loader(8), quiet(Some(&path))).unwrap_err());
    });
    let options = FitOptions { on_step: Some(hook), ..quiet(Some(folder.path())) };
    let one = DCLConfig { max_epochs: 1, ..config(OptimizerKind::Sgd) };
    DCL::new(one, Device::Cpu).unwrap().fit(&loader(7), options).unwrap();
    let error = error.borrow_mut().take().unwrap().to_string();
    assert!(error.contains("Another run of this process"), "{error}");
}

/// Names and order of what is stored, which other versions read.
#[test]
fn a_record_is_stored_as_it_always_was() {
    let folder = tempfile::tempdir().unwrap();
    let one = DCLConfig { max_epochs: 1, ..config(OptimizerKind::AdamW) };
    DCL::new(one, Device::Cpu).unwrap().fit(&loader(7), quiet(Some(folder.path()))).unwrap();
    let text = std::fs::read_to_string(folder.path().join("last.json")).unwrap();
    let expected = concat!(
        r#"{"format":1,"method":"DCL","config":{"encoder":"res_net8","latent_size":128,"#,
        r#""proj_hidden_dim":128,"proj_output_dim":128,"temperature":0.2,"optimizer":"adamW","#,
        r#""learning_rate":0.002,"weight_decay":0.0005,"exclude_bias_and_norm_wd":true,"#,
        r#""lr_scheduler":{"warmup_cosine":{"warmup_epochs":1,"warmup_start_lr":1e-6}},"#,
        r#""max_epochs":1,"joint_views":false,"bf16":false,"random_state":42},"#,
        r#""loader":{"num_images":60,"batch_size":16,"batches_per_epoch":4,"seed":7},"#,
        r#""epoch":1,"batch":0,"optimizer_steps":4,"weights":"step-0000004.safetensors","#,
        r#""optimizer":"step-0000004.optimizer.safetensors","best_loss":"#,
    );
    assert_eq!(text.get(..expected.len()), Some(expected), "{text}");
    let tensors = read_state_dict(&folder.path().join("step-0000004.optimizer.safetensors"));
    assert!(tensors.unwrap().contains_key("exp_avg_sq.encoder.layer1.0.conv1.weight"));
}
