//! The training loop, the same for every loss.

use std::fmt;
use std::time::Instant;

use tch::Tensor;

use super::learning_rate;
use super::optimizer::Optimizer;
use crate::data::{ViewsBatch, ViewsLoader};
use crate::losses::ContrastiveLoss;
use crate::models::Estimator;
use crate::notebook::{Progress, interrupted};
use crate::{Error, Result};

/// A function that is called while a model trains.
pub type Hook = Box<dyn FnMut(&History)>;

/// What a call of [`Estimator::fit`] does besides training.
#[derive(Default)]
pub struct FitOptions {
    /// Called after every step.
    pub on_step: Option<Hook>,
    /// Called after every epoch.
    pub on_epoch: Option<Hook>,
    /// Whether no progress is shown.
    pub quiet: bool,
}

/// What happened while a model trained.
#[derive(Clone, Default, PartialEq)]
pub struct History {
    /// Loss of every step.
    pub losses: Vec<f64>,
    /// Learning rate of every step.
    pub learning_rates: Vec<f64>,
    /// Mean loss of every finished epoch.
    pub epoch_losses: Vec<f64>,
    /// Images seen, each counted once an epoch.
    pub images: usize,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Whether the reader stopped the run; the model keeps what it has learnt.
    pub interrupted: bool,
}

impl History {
    /// Images a second, loading included.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps in {:.1} s", self.losses.len(), self.seconds)?;
        if let (Some(first), Some(last)) = (self.epoch_losses.first(), self.epoch_losses.last()) {
            write!(f, ", mean loss of an epoch from {first:.4} to {last:.4}")?;
        }
        if self.interrupted { f.write_str(", interrupted") } else { Ok(()) }
    }
}

impl<L: ContrastiveLoss> Estimator<L> {
    /// Trains for `config.max_epochs` epochs on the loader's views.
    ///
    /// Each view goes through the network by itself, as in nidl, so that batch norm sees one view
    /// at a time; with `config.joint_views` both go through together.
    ///
    /// # Errors
    /// [`Error::NonFinite`] with epoch and batch if the loss is not finite; what the loader
    /// returns; [`Error::Parameter`] if it does not hand out two views.
    pub fn fit(&mut self, loader: &dyn ViewsLoader, mut options: FitOptions) -> Result<History> {
        self.config.check()?;
        let config = self.config.clone();
        let per_epoch = loader.batches_per_epoch();
        let steps = per_epoch * config.max_epochs;
        if let super::LrScheduler::WarmupCosine { warmup_epochs, .. } = config.lr_scheduler
            && warmup_epochs >= config.max_epochs
        {
            println!(
                "warning: the warm-up of {warmup_epochs} epochs does not end in a run of {}; the \
                 learning rate never reaches its schedule's cosine",
                config.max_epochs
            );
        }
        let mut optimizer = Optimizer::new(&config, self.var_store());
        let progress = if options.quiet {
            Progress::hidden()
        } else {
            Progress::new(L::METHOD, (loader.num_images() * config.max_epochs) as u64, "images")
        };
        let mut history = History::default();
        let begin = Instant::now();
        'epochs: for epoch in 0..config.max_epochs {
            for (batch, views) in loader.epoch(epoch as u64, 0)?.enumerate() {
                if interrupted() {
                    history.interrupted = true;
                    break 'epochs;
                }
                let views = views?;
                let step = history.losses.len();
                let rate = learning_rate(
                    &config.lr_scheduler,
                    config.learning_rate,
                    step,
                    per_epoch,
                    steps,
                );
                let loss = self.train_step(&views, &mut optimizer, rate).map_err(|error| {
                    let place = format!("in epoch {epoch}, batch {batch}");
                    match error {
                        Error::NonFinite { name, hint, .. } => {
                            Error::NonFinite { name, place, hint }
                        }
                        other => other,
                    }
                })?;
                history.losses.push(loss);
                history.learning_rates.push(rate);
                history.images += views.indices.len();
                history.seconds = begin.elapsed().as_secs_f64();
                progress.inc(views.indices.len() as u64);
                progress.set_message(format!("epoch {}, loss {loss:.4}", epoch + 1));
                if let Some(hook) = &mut options.on_step {
                    hook(&history);
                }
            }
            let losses = &history.losses[epoch * per_epoch..];
            history.epoch_losses.push(losses.iter().sum::<f64>() / losses.len() as f64);
            if let Some(hook) = &mut options.on_epoch {
                hook(&history);
            }
        }
        progress.finish();
        Ok(history)
    }

    /// One step; returns the loss before it.
    fn train_step(&self, batch: &ViewsBatch, optimizer: &mut Optimizer, rate: f64) -> Result<f64> {
        let [first, second] = batch.views.as_slice() else {
            let hint = "A contrastive loss compares two views: use MultiViewsTransform::new(t, 2).";
            return Err(Error::parameter("n_views", batch.views.len(), "2", hint));
        };
        let (z1, z2) = if self.config.joint_views {
            let z = self.embed(&Tensor::cat(&[first, second], 0), true); // (2B, D)
            let n = first.size()[0];
            (z.narrow(0, 0, n), z.narrow(0, n, n))
        } else {
            (self.embed(first, true), self.embed(second, true))
        };
        let loss = self.loss.forward(&z1, &z2)?;
        optimizer.zero_grad();
        loss.f_backward()?;
        optimizer.step(rate);
        Ok(loss.double_value(&[]))
    }
}
