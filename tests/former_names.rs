//! Names at their former places still work, and say that they have moved.

use tch::{Device, Kind, Tensor};
use twoviews::Result;

#[test]
#[expect(deprecated, reason = "the former places")]
fn former_places_hold_what_has_moved() -> Result<()> {
    let config = twoviews::models::DCLConfig {
        encoder: twoviews::train::EncoderKind::ResNet8,
        optimizer: twoviews::train::OptimizerKind::AdamW,
        lr_scheduler: twoviews::train::LrScheduler::Constant,
        ..twoviews::train::ContrastiveConfig::tutorial(32)
    };
    let model = twoviews::models::DCL::new(config, Device::Cpu)?;
    let precision = twoviews::models::Precision::Float32;
    let encoder = twoviews::models::InferenceEncoder::new(&model.encoder, precision)?;
    let x = Tensor::zeros([1, 3, 32, 32], (Kind::Float, Device::Cpu));
    assert_eq!(encoder.forward(&x)?.size(), [1, 128]);
    assert_eq!(twoviews::train::learning_rate(&model.config.lr_scheduler, 1.0, 0, 1, 1), 1.0);
    let weights: twoviews::weights::Weights = twoviews::weights::Weights::new(".", None, "x.pt")?;
    let mut model: twoviews::models::Estimator<twoviews::losses::DCLLoss> = model;
    assert!(weights.load_pretrained(&mut model).is_err());
    let options = twoviews::train::FitOptions {
        checkpoints: Some(twoviews::train::Checkpoints::new("x")),
        ..Default::default()
    };
    assert!(options.knn.is_none());
    Ok(())
}
