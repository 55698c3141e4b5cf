//! Encoders against torchvision, the fast path against the plain one, and the estimators.

mod support;

use support::{assert_close, fill, fixture, numbers, wave};
use tch::{Device, Kind, Tensor, nn};
use twoviews::Error;
use twoviews::data::Shapes10;
use twoviews::encode::{InferenceEncoder, Precision};
use twoviews::estimator::{DCL, DCLConfig, SimCLR};
use twoviews::loaders::DataLoader;
use twoviews::models::{EncoderKind, ResNet, check_latent_size};

fn images() -> Tensor {
    Tensor::from_slice(&wave(4 * 3 * 32 * 32, 9.0)).view([4, 3, 32, 32])
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

#[test]
fn encoders_equal_pytorchs() {
    let _guard = tch::no_grad_guard();
    let fixture = fixture(include_str!("fixtures/models/resnet.json"));
    for (name, kind) in [("resnet18", EncoderKind::ResNet18), ("resnet8", EncoderKind::ResNet8)] {
        let expected = &fixture[name];
        let mut variables = nn::VarStore::new(Device::Cpu);
        let encoder = ResNet::new(&variables.root(), kind, 128).unwrap();
        variables.double();
        fill(&variables);
        let mut names: Vec<(String, Vec<i64>)> =
            variables.variables().into_iter().map(|(name, t)| (name, t.size())).collect();
        names.sort();
        let known: Vec<(String, Vec<i64>)> =
            serde_json::from_value(expected["names"].clone()).unwrap();
        assert_eq!(names, known, "names and shapes are torchvision's");

        let evaluated = encoder.forward_t(&images(), false).unwrap();
        assert_close(&flat(&evaluated.narrow(1, 0, 4)), &numbers(&expected["eval"]), 1e-10, "eval");
        let folded = InferenceEncoder::new(&encoder, Precision::Float32)
            .unwrap()
            .forward(&images())
            .unwrap();
        assert_close(&flat(&folded), &flat(&evaluated), 1e-10, "folded");

        let trained = encoder.forward_t(&images(), true).unwrap();
        assert_close(&flat(&trained.narrow(1, 0, 4)), &numbers(&expected["train"]), 1e-9, "train");
        for statistic in ["running_mean", "running_var"] {
            let found = flat(&variables.variables()[&format!("bn1.{statistic}")].narrow(0, 0, 4));
            assert_close(&found, &numbers(&expected[statistic]), 1e-10, statistic);
        }
    }
}

#[test]
fn fresh_weights_follow_torchvisions_distributions() {
    let model = SimCLR::new(DCLConfig::default(), Device::Cpu).unwrap();
    let variables = model.var_store().variables();
    let deviation = |name: &str| variables[name].std(false).double_value(&[]);
    // Kaiming normal over the fan-out: sqrt(2 / (512 * 9)).
    let expected = (2.0 / (512.0 * 9.0_f64)).sqrt();
    assert!((deviation("encoder.layer4.1.conv2.weight") / expected - 1.0).abs() < 0.01);
    // Uniform within 1 / sqrt(512), whose deviation is that over sqrt(3).
    let bound = (1.0 / 512f64).sqrt();
    assert!((deviation("encoder.fc.weight") * 3f64.sqrt() / bound - 1.0).abs() < 0.02);
    assert!(variables["encoder.fc.weight"].abs().max().double_value(&[]) <= bound);
    assert_eq!(flat(&variables["encoder.bn1.weight"]), [1.0; 64]);
    assert_eq!(flat(&variables["encoder.bn1.bias"]), [0.0; 64]);
    assert_eq!(variables.len(), 122 - 20 + 4, "ResNet-18 without counters, and the head");
}

fn small() -> DCLConfig {
    DCLConfig { encoder: EncoderKind::ResNet8, ..Default::default() }
}

#[test]
fn transform_keeps_the_order_and_does_not_change_the_model() {
    let shapes = Shapes10 { num_images: 70, ..Default::default() }.generate().unwrap();
    let model = DCL::new(small(), Device::Cpu).unwrap();
    let mean = model.var_store().variables()["encoder.bn1.running_mean"].copy();
    let one = DataLoader::new(&shapes, 70, 0).unwrap();
    let many = DataLoader::new(&shapes, 33, 2).unwrap();
    let (x, y) = model.transform_with_targets(&one).unwrap();
    let (other, _) = model.transform_with_targets(&many).unwrap();
    assert_eq!((x.dim(), y[13]), ((70, 128), 3));
    assert!((&x - &other).iter().all(|difference| difference.abs() < 1e-5));
    let batch = one.iter().next().unwrap().unwrap();
    let plain = model.encode(&batch.images, false).unwrap();
    let x: Vec<f64> = x.iter().map(|&value| f64::from(value)).collect();
    assert_close(&x, &flat(&plain), 1e-5, "features");
    assert_eq!(model.var_store().variables()["encoder.bn1.running_mean"], mean);
}

#[test]
fn the_seed_decides_the_weights() {
    let weight = |random_state| {
        let model = DCL::new(DCLConfig { random_state, ..small() }, Device::Cpu).unwrap();
        flat(&model.var_store().variables()["encoder.conv1.weight"])
    };
    assert_eq!(weight(1), weight(1));
    assert_ne!(weight(1), weight(2));
}

#[test]
fn bad_parameters_are_named() {
    assert!(check_latent_size(128, true).is_ok() && check_latent_size(64, false).is_ok());
    let error = check_latent_size(64, true).unwrap_err().to_string();
    assert!(error.contains("latent_size = 64") && error.contains("load_pretrained"), "{error}");
    for config in [
        DCLConfig { latent_size: 0, ..small() },
        DCLConfig { temperature: -0.1, ..small() },
        DCLConfig { learning_rate: 0.0, ..small() },
        DCLConfig { weight_decay: f64::NAN, ..small() },
    ] {
        assert!(matches!(DCL::new(config, Device::Cpu), Err(Error::Parameter { .. })));
    }
}

/// What people hand to an encoder by mistake is named, with what to do.
#[test]
fn images_of_another_form_are_named() {
    let model = DCL::new(small(), Device::Cpu).unwrap();
    let images = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    for (x, named) in [
        (images(&[2, 1, 32, 32]), "greyscale"),
        (images(&[2, 4, 32, 32]), "opacity"),
        (images(&[2, 32, 32, 3]), "permute"),
        (images(&[3, 32, 32]), "unsqueeze"),
        (images(&[0, 3, 32, 32]), "at least one image"),
        (images(&[2, 3, 32, 32]).to_kind(Kind::Uint8), "Uint8"),
        (images(&[2, 3, 32, 32]).to_kind(Kind::Int64), "Int64"),
        (images(&[2, 3, 32, 32]).to_kind(Kind::Double), "Kind::Float"),
        (Tensor::new(), "undefined"),
    ] {
        for train in [false, true] {
            let error = model.encode(&x, train).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
    let error = model.projection_head.forward(&images(&[2, 64])).unwrap_err().to_string();
    assert!(error.contains("(B, 128)"), "{error}");
    let error = DCL::new(small(), Device::Cuda(9_999)).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "device", .. }), "{error}");
}
