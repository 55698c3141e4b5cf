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
