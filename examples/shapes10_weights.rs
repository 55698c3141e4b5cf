//! Trains the small checkpoints that lesson 01 loads where there is no CIFAR-10: a ResNet-8 with each loss, on
//! Shapes10. The folder is `notebooks/weights` unless another is named.
//!
//! ```text
//! cargo run --release --example shapes10_weights -- [FOLDER]
//! ```

use std::path::{Path, PathBuf};

use twoviews::prelude::*;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or("notebooks/weights".into(), PathBuf::from);
    let shapes = Shapes10 { num_images: 5_000, ..Default::default() }.generate()?;
    let images = Subset::new(&shapes, &(0..shapes.len()).collect::<Vec<_>>())?;
    train::<InfoNCE>(&images, &folder)?;
    train::<DCLLoss>(&images, &folder)?;
    train::<DCLWLoss>(&images, &folder)
}

/// As lesson 00 trains, with the width that the lesson's other encoders have.
fn train<L: ContrastiveLoss>(images: &Subset, folder: &Path) -> Result<()> {
    let config = DCLConfig {
        encoder: EncoderKind::ResNet8,
        latent_size: 128,
        temperature: 0.1,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 8e-3,
        lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr: 1e-6 },
        max_epochs: 4,
        random_state: 42,
        ..Default::default()
    };
    let views: Vec<AnyTransform> = vec![
        RandomResizedCrop { scale: (0.8, 1.0), ..Default::default() }.into(),
        RandomHorizontalFlip::new(0.5)?.into(),
        RandomRotate90::new(1.0)?.into(),
        RandomApply::new(vec![ColorJitter::new(0.4, 0.4, 0.4, 0.1)?.into()], 0.8)?.into(),
        RandomGrayscale::new(0.2)?.into(),
        ToTensor.into(),
        Normalize::new(&[0.5], &[0.5])?.into(),
    ];
    let two_views = MultiViewsTransform::new(Compose::new(views)?, 2)?;
    let batches = MultiViewsLoaderConfig { batch_size: 32, seed: 42, ..Default::default() };
    let loader = MultiViewsLoader::new(images, two_views, batches)?;
    let mut model = Estimator::<L>::new(config, Device::Cpu)?;
    model.fit(&loader, FitOptions { quiet: true, ..Default::default() })?;
    let name = format!("shapes10_{}_bs_32.safetensors", L::METHOD.to_lowercase());
    model.save(folder.join(&name))?;
    println!("{name}");
    Ok(())
}
