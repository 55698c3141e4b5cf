//! Saving runs and taking them up again.

mod changes;
mod folder;
mod killed;
mod measured;
mod python;
mod resume;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use support::failing::Failing;
use twoviews::prelude::*;

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

fn saved_each_step(folder: &Path) -> FitOptions {
    let checkpoints = Checkpoints { minutes: 1e-9, ..Checkpoints::new(folder) };
    FitOptions { checkpoints: Some(checkpoints), ..quiet(None) }
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
