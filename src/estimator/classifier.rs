//! The same network with labels: what the features are compared with.

use std::fmt;
use std::time::Instant;

use ndarray::Array1;
use tch::{Device, Kind, Reduction, Tensor, nn};
use twoviews_tch_ext::HeapRetention;

use super::state::LoaderRecord;
use super::{ContrastiveConfig, FitOptions, History};
use crate::encode::{InferenceEncoder, Precision};
use crate::loaders::{DataLoader, ViewsBatch, ViewsLoader};
use crate::models::{ResNet, initialise, linear};
use crate::notebook::{Progress, check_interrupt};
use crate::optim::Optimizer;
use crate::tensor_input::check_device;
use crate::{Error, Result};

/// An encoder and a linear layer, trained with labels by cross entropy: the supervised baseline of the linear probe.
///
/// The encoder is that of [`Estimator`](super::Estimator) with its first weights for the same seed, and the linear
/// layer stands where the probe does. Optimizer, schedule, epochs and precision are `config`'s; its projection head
/// and temperature are not used. Every view of a batch counts as an image with its label.
///
/// ```
/// use twoviews::estimator::Classifier;
/// use twoviews::prelude::*;
/// let images = Shapes10 { num_images: 20, ..Default::default() }.generate()?;
/// let one_view = MultiViewsTransform::new(simclr_transform(), 1)?;
/// let batches = MultiViewsLoaderConfig { batch_size: 10, num_workers: 0, ..Default::default() };
/// let loader = MultiViewsLoader::new(images.clone(), one_view, batches)?;
/// let encoder = EncoderKind::ResNet8;
/// let config = DCLConfig { encoder, max_epochs: 1, ..Default::default() };
/// let mut model = Classifier::new(config, 10, Device::Cpu)?;
/// assert_eq!(model.fit(&loader, FitOptions::default())?.losses.len(), 2);
/// assert_eq!(model.predict(&DataLoader::new(images, 10, 0)?)?.len(), 20);
/// # Ok::<(), twoviews::Error>(())
/// ```
pub struct Classifier {
    /// Encoder, optimizer and schedule.
    pub config: ContrastiveConfig,
    /// Images x to features h.
    pub encoder: ResNet,
    /// Features h to logits.
    pub head: nn::Linear,
    variables: nn::VarStore,
}

impl Classifier {
    /// A network of `classes` classes with freshly drawn weights, a function of `config.random_state`.
    ///
    /// # Errors
    /// If a value of the configuration or `classes` (2 to 10,000) is out of its range, or libtorch has no such device.
    pub fn new(config: ContrastiveConfig, classes: usize, device: Device) -> Result<Self> {
        config.check()?;
        check_device(device)?;
        if !(2..=10_000).contains(&classes) {
            let hint = "Give the number of class names.";
            return Err(Error::parameter("classes", classes, "in 2 to 10000", hint));
        }
        let mut variables = nn::VarStore::new(device);
        let root = variables.root();
        let encoder = ResNet::new(&(&root / "encoder"), config.encoder, config.latent_size)?;
        let head = linear(&(&root / "head"), config.latent_size, classes as i64)?;
        initialise(&mut variables, config.random_state)?;
        Ok(Self { config, encoder, head, variables })
    }

    /// All parameters and running statistics by name.
    pub fn var_store(&self) -> &nn::VarStore {
        &self.variables
    }

    /// Trains anew for `config.max_epochs` epochs on the loader's views and labels, with a fresh optimizer.
    ///
    /// Of `options` the hooks `on_step` and `on_epoch` and `quiet` are used. When the user interrupts, the history
    /// so far is returned with `interrupted` set.
    ///
    /// # Errors
    /// As [`Estimator::fit`](super::Estimator::fit), and [`Error::Parameter`] for a label that is no class, or for
    /// options that only an estimator knows.
    pub fn fit(&mut self, loader: &dyn ViewsLoader, mut options: FitOptions) -> Result<History> {
        let record = LoaderRecord::of(loader);
        record.check()?;
        self.config.check()?;
        options.check_of_classifier()?;
        let mut optimizer = Optimizer::new(self.config.optimizer_settings(), &self.variables);
        let mut history = History::default();
        let _memory = HeapRetention::start();
        let images = record.images_per_epoch().saturating_mul(self.config.max_epochs) as u64;
        let progress = if options.quiet {
            Progress::hidden()
        } else {
            Progress::new("supervised", images, "images")
        };
        for epoch in 0..self.config.max_epochs {
            let first = history.losses.len();
            let mut begin = Instant::now();
            for batch in loader.epoch(epoch as u64, 0)? {
                let done = history.losses.len() - first;
                let place = || format!("in epoch {epoch}, batch {done}");
                if done == record.batches_per_epoch {
                    return Err(record.miscounted("more", &place()));
                }
                let batch = match check_interrupt(place).and(batch) {
                    Err(Error::Interrupted { .. }) => {
                        return Ok(History { interrupted: true, ..history });
                    }
                    batch => batch?,
                };
                let rate =
                    self.config.learning_rate_at(history.losses.len(), record.batches_per_epoch);
                let loss = self.loss(&batch)?;
                let value = loss.f_double_value(&[])?;
                if !value.is_finite() {
                    let hint = "Lower the learning rate, or look at the images for NaN.".into();
                    return Err(Error::NonFinite { name: "loss", place: place(), hint });
                }
                optimizer.minimize(&loss, rate)?;
                history.losses.push(value);
                history.learning_rates.push(rate);
                history.images += batch.indices.len();
                history.seconds += begin.elapsed().as_secs_f64();
                progress.inc(batch.indices.len() as u64);
                if let Some(hook) = &mut options.on_step {
                    hook(&history);
                }
                begin = Instant::now();
            }
            let losses = &history.losses[first..];
            if losses.len() < record.batches_per_epoch {
                let place = format!("in epoch {epoch}, batch {}", losses.len());
                return Err(record.miscounted("fewer", &place));
            }
            history.epoch_losses.push(losses.iter().sum::<f64>() / losses.len() as f64);
            if let Some(hook) = &mut options.on_epoch {
                hook(&history);
            }
        }
        progress.finish();
        Ok(history)
    }

    /// The mean over the views of the cross entropy with the labels.
    fn loss(&self, batch: &ViewsBatch) -> Result<Tensor> {
        let classes = self.head.ws.size()[0];
        let range = (batch.targets.f_min()?, batch.targets.f_max()?);
        for label in [range.0.f_int64_value(&[])?, range.1.f_int64_value(&[])?] {
            if !(0..classes).contains(&label) {
                let hint = format!("The network was made for {classes} classes.");
                return Err(Error::parameter("target", label, "a class index", hint));
            }
        }
        let losses = batch.views.iter().map(|view| {
            let x = self.config.precision.convert(view)?;
            let h = self.encoder.forward_t(&x, true)?; // (B, latent)
            let logits = h.f_linear(&self.head.ws, self.head.bs.as_ref())?; // (B, classes)
            let mean = Reduction::Mean;
            Ok(logits.f_cross_entropy_loss::<Tensor>(&batch.targets, None, mean, -100, 0.0)?)
        });
        let losses = losses.collect::<Result<Vec<_>>>()?;
        if losses.is_empty() {
            let hint = "Use MultiViewsTransform::new(t, 1).";
            return Err(Error::parameter("n_views", 0, ">= 1", hint));
        }
        Ok(Tensor::f_stack(&losses, 0)?.f_mean(None::<Kind>)?)
    }

    /// The likeliest class of every image of the loader, in its order.
    ///
    /// # Errors
    /// If a batch cannot be loaded, libtorch refuses it, or the user interrupts.
    pub fn predict(&self, loader: &DataLoader) -> Result<Array1<i64>> {
        let _guard = tch::no_grad_guard();
        let encoder = InferenceEncoder::new(&self.encoder, Precision::Float32)?;
        let mut predicted = Vec::with_capacity(loader.len());
        for batch in loader.iter() {
            let done = predicted.len();
            check_interrupt(|| format!("predict after {done} of {} images", loader.len()))?;
            let h = encoder.forward(&batch?.images.f_to_device(self.variables.device())?)?;
            let logits = h.f_linear(&self.head.ws, self.head.bs.as_ref())?;
            predicted.extend(Vec::<i64>::try_from(logits.f_argmax(1, false)?)?);
        }
        Ok(predicted.into())
    }

    /// Share of the loader's images whose likeliest class is their label.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn score(&self, loader: &DataLoader) -> Result<f64> {
        let labels = loader.subset().targets();
        let predicted = self.predict(loader)?;
        let right = predicted.iter().zip(&labels).filter(|(a, b)| **a == i64::from(**b)).count();
        Ok(right as f64 / labels.len() as f64)
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (classes, encoder) = (self.head.ws.size()[0], self.config.encoder);
        write!(f, "Classifier({encoder:?}, {classes} classes, {:?})", self.variables.device())
    }
}
