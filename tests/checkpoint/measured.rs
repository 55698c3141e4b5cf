//! What is measured while a run goes on, and in which precision it computes.

use tch::{Device, Kind, Tensor};
use twoviews::prelude::*;

use super::{config, loader, quiet};

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
    let run = |precision| {
        let config = DCLConfig { precision, ..config(OptimizerKind::AdamW) };
        let mut model = DCL::new(config, Device::Cpu).unwrap();
        let history = model.fit(&loader(7), quiet(None)).unwrap();
        let kinds: Vec<Kind> = model.var_store().variables().values().map(Tensor::kind).collect();
        assert!(kinds.iter().all(|kind| *kind == Kind::Float));
        history.losses
    };
    let (half, full) = (run(Precision::BFloat16), run(Precision::Float32));
    assert_ne!(half, full);
    for (step, (a, b)) in half.iter().zip(&full).enumerate() {
        // bfloat16 keeps 8 bits of a number.
        assert!((a - b).abs() < 0.05, "step {step}: {a} instead of {b}");
    }
}
