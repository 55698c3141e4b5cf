//! The training loop, the same for every loss.

use std::time::{Duration, Instant};

use tch::Tensor;
use tch::nn::VarStore;
use twoviews_tch_ext::HeapRetention;

use super::checkpoint::CheckpointFolder;
use super::state::{LoaderRecord, TrainingState};
use super::step::Network;
use super::{ContrastiveConfig, Estimator, FitOptions, History, StepOutputs};
use crate::loaders::{ViewsBatch, ViewsLoader};
use crate::losses::ContrastiveLoss;
use crate::notebook::{Progress, check_interrupt};
use crate::optim::{LrScheduler, Optimizer};
use crate::{Error, Result};

impl<L: ContrastiveLoss> Estimator<L> {
    /// Trains for `config.max_epochs` epochs on the loader's views.
    ///
    /// Each view goes through the network by itself, as in nidl, so that batch norm sees one view
    /// at a time; with `config.joint_views` both go through together.
    ///
    /// When the user interrupts, the history so far is returned with `interrupted` set; the model
    /// keeps what it has learnt and [`resume`](Self::resume) goes on from there.
    ///
    /// What was changed in `config` since the model was made is taken up, `temperature` too; what
    /// the network or its weights were made from (`encoder`, `latent_size`, `proj_hidden_dim`,
    /// `proj_output_dim`, `random_state`) cannot change.
    ///
    /// # Errors
    /// Before the first step [`Error::Parameter`] if a value is out of its range, the last batch of
    /// an epoch would have one image, or the folder for checkpoints holds another run or is in use
    /// by one. Later [`Error::NonFinite`] with epoch and batch if the loss is not finite;
    /// what the loader returns; [`Error::Parameter`] if it does not hand out two views;
    /// [`Error::Io`] if a checkpoint cannot be written. After an error the steps before it are kept,
    /// too.
    pub fn fit(&mut self, loader: &dyn ViewsLoader, options: FitOptions) -> Result<History> {
        let record = LoaderRecord::of(loader);
        record.check()?;
        options.check()?;
        self.apply_changes(None)?;
        let state = begin(&self.config, self.var_store(), record, &options);
        self.run(loader, options, state)
    }

    /// Goes on with a run that was interrupted, that failed, or that
    /// [`load_training`](Self::load_training) read from its checkpoint, up to
    /// `config.max_epochs` epochs.
    ///
    /// With the loader of the run's beginning, every step is the one that an uninterrupted run
    /// would have taken.
    ///
    /// From this step on, what was changed in `config` takes effect and is said: `learning_rate`,
    /// `lr_scheduler`, `weight_decay`, `exclude_bias_and_norm_wd`, `temperature`, `joint_views`,
    /// `precision` and `max_epochs`. With another `max_epochs` the learning rate goes on where a run of
    /// so many epochs would be at this step: more epochs stretch the cosine, so that the rate rises.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); [`Error::Parameter`] if there is no run to go on with, the loader
    /// is another one, or something else was changed in `config`. The run can still be resumed then.
    pub fn resume(&mut self, loader: &dyn ViewsLoader, options: FitOptions) -> Result<History> {
        let Some(mut state) = self.training.take() else {
            let hint = "Call fit first, or read a checkpoint with load_training.";
            return Err(Error::parameter("resume", "no run", "a model with a run", hint));
        };
        let ready = state
            .loader
            .check_same(loader)
            .and_then(|()| state.loader.check())
            .and_then(|()| options.check())
            .and_then(|()| self.apply_changes(Some(&mut state)));
        match ready {
            Ok(None) => {}
            Ok(Some(changes)) => options.notify(&changes),
            Err(error) => {
                self.training = Some(state);
                return Err(error);
            }
        }
        self.run(loader, options, state)
    }

    fn run(
        &mut self,
        loader: &dyn ViewsLoader,
        options: FitOptions,
        mut state: TrainingState,
    ) -> Result<History> {
        let loss = |z1: &Tensor, z2: &Tensor| self.loss.forward(z1, z2);
        let outcome = self.network(&loss).run(loader, options, &mut state);
        self.training = Some(state);
        outcome
    }
}

/// Where a run begins, and what is to be said of it.
fn begin(
    config: &ContrastiveConfig,
    variables: &VarStore,
    loader: LoaderRecord,
    options: &FitOptions,
) -> TrainingState {
    if let LrScheduler::WarmupCosine { warmup_epochs, .. } = config.lr_scheduler
        && warmup_epochs >= config.max_epochs
    {
        options.notify(&format!(
            "warning: the warm-up of {warmup_epochs} epochs does not end in a run of {}; the \
             learning rate never reaches its schedule's cosine",
            config.max_epochs
        ));
    }
    TrainingState {
        epoch: 0,
        batch: 0,
        loader,
        optimizer: Optimizer::new(config.optimizer_settings(), variables),
        best_loss: None,
        history: History::default(),
    }
}

impl Network<'_> {
    fn run(
        &self,
        loader: &dyn ViewsLoader,
        mut options: FitOptions,
        state: &mut TrainingState,
    ) -> Result<History> {
        state.history.interrupted = false;
        let memory = HeapRetention::start();
        let outcome = self.epochs(loader, &mut options, state);
        drop(memory);
        state.history.interrupted = matches!(outcome, Err(Error::Interrupted { .. }));
        match outcome {
            Ok(()) | Err(Error::Interrupted { .. }) => Ok(state.history.clone()),
            Err(error) => Err(error),
        }
    }

    fn epochs(
        &self,
        loader: &dyn ViewsLoader,
        options: &mut FitOptions,
        state: &mut TrainingState,
    ) -> Result<()> {
        let folder = match &options.checkpoints {
            Some(checkpoints) => Some(CheckpointFolder::open(&checkpoints.folder, &state.history)?),
            None => None,
        };
        let batches_per_epoch = state.loader.batches_per_epoch;
        // Infinity, and what no clock can count, is never reached.
        let checkpoint_interval = options
            .checkpoints
            .as_ref()
            .and_then(|checkpoints| Duration::try_from_secs_f64(60.0 * checkpoints.minutes).ok());
        let save = |state: &TrainingState, is_best| match &folder {
            Some(folder) => folder.save(self.method, self.config, self.variables, state, is_best),
            None => Ok(()),
        };
        let progress = self.progress(options, state);
        while state.epoch < self.config.max_epochs {
            let mut saved = Instant::now();
            let batches = loader.epoch(state.epoch as u64, state.batch)?;
            let mut begin = Instant::now();
            for views in batches {
                let views = views?;
                if state.batch == batches_per_epoch {
                    return Err(state.loader.miscounted("more", &location(state)));
                }
                check_interrupt(|| location(state))?;
                let step = state.history.losses.len();
                let rate = self.config.learning_rate_at(step, batches_per_epoch);
                let keep_z = options.on_train_batch_end.is_some();
                let (loss, z) = self
                    .train_step(&views, &mut state.optimizer, rate, keep_z)
                    .map_err(|error| with_location(error, state))?;
                state.batch += 1;
                state.history.losses.push(loss);
                state.history.learning_rates.push(rate);
                state.history.images += views.indices.len();
                state.history.seconds += begin.elapsed().as_secs_f64();
                progress.inc(views.indices.len() as u64);
                progress.set_message(format!(
                    "epoch {}/{}, loss {loss:.4}, rate {rate:.2e}",
                    state.epoch + 1,
                    self.config.max_epochs
                ));
                if let (Some(hook), Some([z1, z2])) = (&mut options.on_train_batch_end, z) {
                    let ViewsBatch { targets, indices, .. } = views;
                    let (epoch, batch_idx) = (state.epoch, state.batch - 1);
                    hook(&StepOutputs { loss, z1, z2, targets, indices, step, epoch, batch_idx });
                }
                if let Some(hook) = &mut options.on_step {
                    hook(&state.history);
                }
                if checkpoint_interval.is_some_and(|interval| saved.elapsed() >= interval) {
                    save(state, false)?;
                    saved = Instant::now();
                }
                begin = Instant::now();
            }
            if state.batch < batches_per_epoch {
                return Err(state.loader.miscounted("fewer", &location(state)));
            }
            let is_best = self.end_of_epoch(options, state)?;
            save(state, is_best)?;
            if let Some(hook) = &mut options.on_epoch {
                hook(&state.history);
            }
        }
        progress.finish();
        Ok(())
    }

    /// Counts the epoch, measures what is to be measured, and says whether it is the best so far.
    fn end_of_epoch(&self, options: &FitOptions, state: &mut TrainingState) -> Result<bool> {
        let validation = match &options.validation {
            Some(loader) => Some(self.validation_loss(loader.as_ref(), state.epoch)?),
            None => None,
        };
        let knn = match &options.knn {
            Some(knn) => self.online_knn(knn, state.epoch + 1)?,
            None => None,
        };
        let first = state.epoch * state.loader.batches_per_epoch;
        let losses = &state.history.losses[first..];
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        state.epoch += 1;
        state.batch = 0;
        state.history.epoch_losses.push(mean);
        state.history.validation_losses.extend(validation);
        state.history.knn_accuracies.extend(knn.map(|accuracy| (state.epoch, accuracy)));
        let loss = validation.unwrap_or(mean);
        let is_best = state.best_loss.is_none_or(|best| loss < best);
        if is_best {
            state.best_loss = Some(loss);
        }
        Ok(is_best)
    }

    fn progress(&self, options: &FitOptions, state: &TrainingState) -> Progress {
        if options.quiet {
            return Progress::hidden();
        }
        let epochs = self.config.max_epochs;
        let images = state.loader.images_per_epoch();
        let progress = Progress::new(self.method, images.saturating_mul(epochs) as u64, "images");
        let done = state.batch.saturating_mul(state.loader.batch_size).min(images);
        progress.set_position(state.epoch.saturating_mul(images).saturating_add(done) as u64);
        progress.bar().reset_eta();
        progress
    }
}

fn location(state: &TrainingState) -> String {
    format!("in epoch {}, batch {}", state.epoch, state.batch)
}

/// Adds epoch and batch to the error of a loss that is not finite.
fn with_location(error: Error, state: &TrainingState) -> Error {
    match error {
        Error::NonFinite { name, hint, .. } => {
            Error::NonFinite { name, place: location(state), hint }
        }
        other => other,
    }
}
