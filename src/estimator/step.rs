//! One optimisation step: two views, one loss, one step down its gradients.

use std::fmt;

use tch::Tensor;
use tch::nn::VarStore;

use super::{ContrastiveConfig, Estimator};
use crate::loaders::ViewsBatch;
use crate::losses::ContrastiveLoss;
use crate::models::{ProjectionHead, ResNet};
use crate::optim::Optimizer;
use crate::tensor_input::float_kind;
use crate::{Error, Result};

/// What a training step has computed, for [`FitOptions::on_train_batch_end`](super::FitOptions): what nidl's
/// `training_step` returns, and which images and which step it belongs to.
///
/// The embeddings are those that the loss was computed of, so from before the step's change of the
/// weights and with batch norm of the batch. They have no gradients and share the step's memory.
pub struct StepOutputs {
    /// The loss.
    pub loss: f64,
    /// Embeddings of the first views, (B, D), not normalised.
    pub z1: Tensor,
    /// Embeddings of the second views, (B, D), not normalised.
    pub z2: Tensor,
    /// Class indices, (B), int64, as the loader gives them.
    pub targets: Tensor,
    /// Positions of the images in the loader's subset, (B); `loader.subset().indices()[i]` is the
    /// place in the data set.
    pub indices: Vec<usize>,
    /// The run's step, counted from 0; a resumed run counts on.
    pub step: usize,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The batch within the epoch, counted from 0.
    pub batch_idx: usize,
}

impl fmt::Debug for StepOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, z1, step, epoch, batch_idx, .. } = self;
        let size = z1.size();
        write!(f, "step {step}, epoch {epoch}, batch {batch_idx}: loss {loss:.4}, z {size:?} twice")
    }
}

/// The parts of an [`Estimator`] without the type of its loss: what trains them is compiled with the library, and not
/// in each cell that trains.
pub(super) struct Network<'a> {
    /// As checkpoints store it.
    pub method: &'static str,
    pub config: &'a ContrastiveConfig,
    pub encoder: &'a ResNet,
    pub projection_head: &'a ProjectionHead,
    pub variables: &'a VarStore,
    pub latent_size: usize,
    pub loss: &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor>,
}

impl<L: ContrastiveLoss> Estimator<L> {
    /// What is trained with `loss`, its own.
    pub(super) fn network<'a>(
        &'a self,
        loss: &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Network<'a> {
        Network {
            method: L::METHOD,
            config: &self.config,
            encoder: &self.encoder,
            projection_head: &self.projection_head,
            variables: self.var_store(),
            latent_size: self.used.latent_size as usize,
            loss,
        }
    }
}

impl Network<'_> {
    /// One step; returns the loss before it and, if `keep_z`, the embeddings it was computed of.
    pub(super) fn train_step(
        &self,
        batch: &ViewsBatch,
        optimizer: &mut Optimizer,
        learning_rate: f64,
        keep_z: bool,
    ) -> Result<(f64, Option<[Tensor; 2]>)> {
        let (loss, z) = {
            let (z1, z2) = self.embed_views(batch, true)?;
            let loss = (self.loss)(&z1, &z2)?;
            let z = if keep_z { Some([z1.f_detach()?, z2.f_detach()?]) } else { None };
            (loss, z)
        };
        // Known since the check that it is finite; read later, it would wait for the whole step.
        let value = loss.f_double_value(&[])?;
        optimizer.minimize(&loss, learning_rate)?;
        Ok((value, z))
    }

    /// The loss of a batch of two views; with `train`, batch norm uses the batch.
    pub(super) fn batch_loss(&self, batch: &ViewsBatch, train: bool) -> Result<Tensor> {
        let (z1, z2) = self.embed_views(batch, train)?;
        (self.loss)(&z1, &z2)
    }

    /// The embeddings (B, D) of both views.
    fn embed_views(&self, batch: &ViewsBatch, train: bool) -> Result<(Tensor, Tensor)> {
        let [first, second] = batch.views.as_slice() else {
            let hint = "A contrastive loss compares two views: use MultiViewsTransform::new(t, 2).";
            return Err(Error::parameter("n_views", batch.views.len(), "2", hint));
        };
        for view in [first, second] {
            float_kind("view", view)?;
        }
        if first.size() != second.size() {
            let (found, expected) = (second.size(), format!("{:?} like the first", first.size()));
            let hint = "Both views come from the same images.".into();
            return Err(Error::Shape { name: "view", found, expected, hint });
        }
        let embed = |x: &Tensor| -> Result<Tensor> {
            let h = self.encoder.forward_t(&self.config.precision.convert(x)?, train)?;
            self.projection_head.forward(&h)
        };
        if self.config.joint_views {
            let z = embed(&Tensor::f_cat(&[first, second], 0)?)?; // (2B, D)
            let n = z.size()[0] / 2;
            Ok((z.f_narrow(0, 0, n)?, z.f_narrow(0, n, n)?))
        } else {
            Ok((embed(first)?, embed(second)?))
        }
    }
}
