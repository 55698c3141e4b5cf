//! Settings that are changed before a run or within one.

use std::path::Path;

use tch::Device;
use twoviews::losses::DCLLoss;
use twoviews::prelude::*;

use super::{BATCHES, Failing, config, loader, quiet, weights};

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
        &|c| c.precision = Precision::BFloat16,
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
        .map(|step| twoviews::optim::learning_rate(&lr_scheduler, base, step, BATCHES, 4 * BATCHES))
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

/// Under its earlier name, too, and in what is stored.
#[test]
#[expect(deprecated, reason = "bf16 is the name of an earlier version")]
fn bf16_is_another_name_of_the_precision() {
    let stored = |model: &DCL| serde_json::to_value(&model.config).unwrap()["bf16"].clone();
    let one = |bf16| DCLConfig { bf16, max_epochs: 1, ..config(OptimizerKind::Sgd) };
    let mut model = DCL::new(one(true), Device::Cpu).unwrap();
    assert_eq!((model.config.precision, stored(&model)), (Precision::BFloat16, true.into()));
    let losses = model.fit(&loader(7), quiet(None)).unwrap().losses;
    let precise = DCLConfig { precision: Precision::BFloat16, ..one(false) };
    let mut new = DCL::new(precise, Device::Cpu).unwrap();
    assert_eq!(new.fit(&loader(7), quiet(None)).unwrap().losses, losses);
    assert!(new.config.bf16);
    // The one that was changed counts.
    model.config.bf16 = false;
    model.fit(&loader(7), quiet(None)).unwrap();
    assert_eq!((model.config.precision, stored(&model)), (Precision::Float32, false.into()));
    model.config.precision = Precision::BFloat16;
    model.fit(&loader(7), quiet(None)).unwrap();
    assert!(model.config.bf16 && stored(&model) == true);
    let text = serde_json::to_string(&model.config).unwrap();
    let read: DCLConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(DCL::new(read, Device::Cpu).unwrap().config, model.config);
}
