//! Checkpoints that name their tensors otherwise: wrappers, prefixes, copies.

use std::path::Path;

use tch::{Device, Kind, Tensor};
use twoviews::estimator::{DCL, DCLConfig, Weights};
use twoviews::models::EncoderKind;
use twoviews::weights::{LoadOptions, StateDict, save_state_dict};
use twoviews::{Error, Result};

fn model(random_state: u64) -> DCL {
    let config = DCLConfig {
        encoder: EncoderKind::ResNet8,
        latent_size: 16,
        random_state,
        ..Default::default()
    };
    DCL::new(config, Device::Cpu).unwrap()
}

fn own(model: &DCL) -> StateDict {
    let variables = model.var_store().variables().into_iter();
    variables.map(|(name, tensor)| (name, tensor.detach().contiguous())).collect()
}

/// The tensors under other names.
fn renamed(tensors: &StateDict, name: impl Fn(&str) -> String) -> StateDict {
    tensors.iter().map(|(old, tensor)| (name(old), tensor.shallow_clone())).collect()
}

fn encoder(tensors: &StateDict) -> StateDict {
    let encoder = tensors.iter().filter_map(|(name, tensor)| {
        Some((name.strip_prefix("encoder.")?.to_owned(), tensor.shallow_clone()))
    });
    encoder.collect()
}

fn weights(folder: &Path, tensors: &StateDict) -> Weights {
    save_state_dict(tensors, &folder.join("model.ckpt")).unwrap();
    Weights::new(&folder.to_string_lossy(), None, "model.ckpt").unwrap()
}

/// The renaming that an error proposes, as its text spells it.
fn proposed(error: &Error) -> Vec<LoadOptions> {
    let text = error.to_string();
    let Some((_, proposals)) = text.split_once("whose rename is ") else { return Vec::new() };
    let proposals = proposals.trim_end_matches('.').split(", or ");
    proposals
        .map(|proposal| {
            let quoted: Vec<&str> = proposal.split('"').skip(1).step_by(2).collect();
            let pairs = quoted.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
            LoadOptions { rename: pairs.collect() }
        })
        .collect()
}

fn assert_loaded(loaded: &DCL, expected: &StateDict) {
    for (name, tensor) in own(loaded) {
        assert_eq!(tensor, expected[&name], "{name}");
    }
}

/// What the error proposes makes the file fit.
#[test]
fn the_error_proposes_the_renaming_that_fits() {
    let (from, folder) = (own(&model(1)), tempfile::tempdir().unwrap());
    let other = own(&model(2));
    let with = |mut tensors: StateDict, more: StateDict| {
        tensors.extend(more);
        tensors
    };
    let momentum = StateDict::from([(
        "optimizer.state.0.exp_avg".to_owned(),
        Tensor::ones([3], (Kind::Float, Device::Cpu)),
    )]);
    let prefixed = |prefix: &str| renamed(&from, |name| format!("{prefix}{name}"));
    let inside = |part: &str| renamed(&from, |name| name.replacen('.', &format!(".{part}."), 1));
    let backbone = renamed(&from, |name| {
        name.replace("encoder.", "backbone.").replace("projection_head.layers.", "head.")
    });
    for (what, tensors, count) in [
        ("DistributedDataParallel", prefixed("module."), 1),
        ("torch.compile", prefixed("_orig_mod."), 1),
        ("both", prefixed("module._orig_mod."), 1),
        ("a dict of state dicts", with(prefixed("model."), momentum), 1),
        ("compiled parts", inside("_orig_mod"), 1),
        ("distributed parts", inside("module"), 1),
        ("other names", backbone, 1),
        (
            "student and teacher",
            with(prefixed("student."), renamed(&other, |n| format!("teacher.{n}"))),
            2,
        ),
        (
            "compiled parts of student and teacher",
            with(
                renamed(&inside("_orig_mod"), |name| format!("student.{name}")),
                renamed(&other, |name| format!("teacher.{}", name.replacen('.', "._orig_mod.", 1))),
            ),
            2,
        ),
        ("a copy beside it", with(from.clone_all(), renamed(&other, |n| format!("ema.{n}"))), 2),
    ] {
        let weights = weights(folder.path(), &tensors);
        let mut to = model(3);
        let before = own(&to);
        let error = weights.load_checkpoint(&mut to).unwrap_err();
        assert!(matches!(error, Error::StateDict { .. }), "{what}: {error}");
        assert_loaded(&to, &before);
        let options = proposed(&error);
        assert_eq!(options.len(), count, "{what}: {error}");
        let mut found = Vec::new();
        for options in &options {
            let mut to = model(3);
            weights.load_checkpoint_with(&mut to, options).unwrap();
            let key = "encoder.conv1.weight";
            found.push(own(&to)[key] == from[key]);
            assert_loaded(&to, if own(&to)[key] == from[key] { &from } else { &other });
        }
        assert!(found.contains(&true), "{what}");
    }
}

trait CloneAll {
    fn clone_all(&self) -> StateDict;
}

impl CloneAll for StateDict {
    fn clone_all(&self) -> StateDict {
        renamed(self, str::to_owned)
    }
}

#[test]
fn an_encoder_alone_is_told_from_a_whole_model() -> Result<()> {
    let (from, folder) = (own(&model(1)), tempfile::tempdir().unwrap());
    let mut to = model(3);
    let head = own(&to)["projection_head.layers.0.weight"].copy();
    for (prefix, options) in [("", LoadOptions::default()), ("net.", LoadOptions::strip("net."))] {
        let alone = renamed(&encoder(&from), |name| format!("{prefix}{name}"));
        let weights = weights(folder.path(), &alone);
        let error = weights.load_checkpoint(&mut to).unwrap_err().to_string();
        assert!(error.contains("use load_pretrained"), "{error}");
        assert_eq!(error.contains(r#"LoadOptions::strip("net.")"#), prefix == "net.", "{error}");
        weights.load_pretrained_with(&mut to, &options)?;
        assert_eq!(own(&to)["encoder.fc.weight"], from["encoder.fc.weight"]);
        assert_eq!(own(&to)["projection_head.layers.0.weight"], head);
    }
    // And the other way round.
    let weights = weights(folder.path(), &from);
    let mut to = model(4);
    let error = weights.load_pretrained(&mut to).unwrap_err();
    assert_eq!(proposed(&error), [LoadOptions::strip("encoder.")], "{error}");
    weights.load_pretrained_with(&mut to, &LoadOptions::strip("encoder."))?;
    assert_eq!(own(&to)["encoder.fc.weight"], from["encoder.fc.weight"]);
    Ok(())
}

#[test]
fn a_model_of_another_size_gets_no_proposal() {
    let folder = tempfile::tempdir().unwrap();
    let config = DCLConfig { encoder: EncoderKind::ResNet8, latent_size: 32, ..Default::default() };
    let other = own(&DCL::new(config, Device::Cpu).unwrap());
    let weights = weights(folder.path(), &renamed(&other, |name| format!("module.{name}")));
    let error = weights.load_checkpoint(&mut model(1)).unwrap_err();
    assert!(proposed(&error).is_empty(), "{error}");
    assert!(error.to_string().contains("build the model with the file's sizes"), "{error}");
}

#[test]
fn renamings_that_fit_nothing_or_make_one_of_two_are_refused() {
    let (from, folder) = (own(&model(1)), tempfile::tempdir().unwrap());
    let weights = weights(folder.path(), &from);
    let error =
        weights.load_checkpoint_with(&mut model(1), &LoadOptions::strip("modul.")).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Parameter { name: "rename", .. }), "{text}");
    assert!(text.contains("begin with encoder., projection_head."), "{text}");
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let rename = vec![pair("encoder.layer1.", "x."), pair("encoder.layer2.", "x.")];
    let error = weights.load_checkpoint_with(&mut model(1), &LoadOptions { rename }).unwrap_err();
    assert!(error.to_string().contains("would both be x.0.bn1.bias"), "{error}");
}

/// Counters of batch norm, in whatever kind and shape, and weights in half precision.
#[test]
fn counters_and_half_precision_never_refuse_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let halves = [Kind::Half, Kind::BFloat16, Kind::Double];
    let counters = [Kind::Half, Kind::Int64, Kind::Double];
    for (kind, counter) in halves.into_iter().zip(counters) {
        let from = own(&model(1));
        let mut tensors: StateDict =
            from.iter().map(|(name, tensor)| (name.clone(), tensor.to_kind(kind))).collect();
        for (name, shape) in [("encoder.bn1", vec![]), ("encoder.layer1.0.bn1", vec![1])] {
            let counter = Tensor::ones(shape.as_slice(), (counter, Device::Cpu));
            tensors.insert(format!("{name}.num_batches_tracked"), counter);
        }
        let mut to = model(3);
        weights(folder.path(), &tensors).load_checkpoint(&mut to).unwrap();
        for (name, tensor) in own(&to) {
            assert_eq!(tensor, from[&name].to_kind(kind).to_kind(Kind::Float), "{name}");
        }
    }
}
