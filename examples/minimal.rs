//! The whole idea: an encoder that learns from two views of each image, and a linear probe that
//! reads classes from its features.

use twoviews::prelude::*;

fn main() -> Result<()> {
    // 5,000 images to train without labels, 1,000 with labels for the probe, 1,000 to test it.
    let shapes = Shapes10 { num_images: 7_000, ..Default::default() }.generate()?;
    let part = |range: std::ops::Range<usize>| Subset::new(&shapes, &range.collect::<Vec<_>>());
    let (train, probe, test) = (part(0..5_000)?, part(5_000..6_000)?, part(6_000..7_000)?);
    let (probe, test) = (DataLoader::new(probe, 256, 1)?, DataLoader::new(test, 256, 1)?);

    // Two random views of each image: what they share is what the encoder is to find.
    let view = Compose::new(vec![
        RandomResizedCrop { scale: (0.4, 1.0), ..Default::default() }.into(),
        RandomHorizontalFlip::new(0.5)?.into(),
        RandomApply::new(vec![ColorJitter::new(0.4, 0.4, 0.4, 0.1)?.into()], 0.8)?.into(),
        RandomGrayscale::new(0.2)?.into(),
        ToTensor.into(),
        Normalize::new(&[0.5], &[0.5])?.into(),
    ])?;
    let batches = MultiViewsLoaderConfig { batch_size: 32, ..Default::default() };
    let views = MultiViewsLoader::new(train, MultiViewsTransform::new(view, 2)?, batches)?;

    // DCL: both views of an image attract each other, all other images repel them.
    let config = DCLConfig {
        encoder: EncoderKind::ResNet8,
        temperature: 0.1,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 4e-3,
        lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr: 1e-6 },
        max_epochs: 4,
        ..Default::default()
    };
    let mut model = DCL::new(config, best_device())?;

    // A linear classifier on the features of an encoder.
    let accuracy = |model: &DCL| -> Result<f64> {
        let (features, classes) = model.transform_with_targets(&probe)?;
        let linear = LogisticRegression::default().fit(&features, &classes)?;
        let (features, classes) = model.transform_with_targets(&test)?;
        linear.score(&features, &classes)
    };
    let untrained = accuracy(&model)?;
    model.fit(&views, FitOptions::default())?;
    println!("accuracy {untrained:.3} before training, {:.3} after it", accuracy(&model)?);
    Ok(())
}
