//! One optimisation step: two views, one loss, one step down its gradients.

use tch::{Kind, Tensor};

use super::Estimator;
use crate::encode::Precision;
use crate::loaders::ViewsBatch;
use crate::losses::ContrastiveLoss;
use crate::optim::Optimizer;
use crate::tensor_input::float_kind;
use crate::{Error, Result};

impl<L: ContrastiveLoss> Estimator<L> {
    /// One step; returns the loss before it.
    pub(super) fn train_step(
        &self,
        batch: &ViewsBatch,
        optimizer: &mut Optimizer,
        learning_rate: f64,
    ) -> Result<f64> {
        let loss = self.batch_loss(batch, true)?;
        // Known since the check that it is finite; read later, it would wait for the whole step.
        let value = loss.f_double_value(&[])?;
        optimizer.minimize(&loss, learning_rate)?;
        Ok(value)
    }

    /// The loss of a batch of two views; with `train`, batch norm uses the batch.
    pub(super) fn batch_loss(&self, batch: &ViewsBatch, train: bool) -> Result<Tensor> {
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
        // The images' kind decides in which precision the convolutions compute.
        let embed = |x: &Tensor| match self.config.precision {
            Precision::Float32 => self.embed(x, train),
            Precision::BFloat16 => self.embed(&x.f_to_kind(Kind::BFloat16)?, train),
        };
        let (z1, z2) = if self.config.joint_views {
            let z = embed(&Tensor::f_cat(&[first, second], 0)?)?; // (2B, D)
            let n = z.size()[0] / 2;
            (z.f_narrow(0, 0, n)?, z.f_narrow(0, n, n)?)
        } else {
            (embed(first)?, embed(second)?)
        };
        self.loss.forward(&z1, &z2)
    }
}
