//! What is measured between two epochs: the validation loss and the online kNN probe.

use super::OnlineKnn;
use super::step::Network;
use super::transform::features;
use crate::encode::Precision;
use crate::loaders::{DataLoader, ViewsLoader};
use crate::notebook::check_interrupt;
use crate::{Error, Result};

impl Network<'_> {
    /// Mean loss of the loader's batches in evaluation mode, weighted by their sizes.
    ///
    /// A last batch of one image has no negatives and is left out.
    pub(super) fn validation_loss(&self, loader: &dyn ViewsLoader, epoch: usize) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let (mut sum, mut images) = (0.0, 0);
        // Always the views of epoch 0, so that the losses of two epochs can be compared.
        for batch in loader.epoch(0, 0)? {
            check_interrupt(|| format!("while validating epoch {epoch}"))?;
            let batch = batch?;
            let size = batch.indices.len();
            if size > 1 {
                sum += self.batch_loss(&batch, false)?.f_double_value(&[])? * size as f64;
                images += size;
            }
        }
        if images == 0 {
            let hint = "Give it at least two images in a batch.";
            return Err(Error::parameter(
                "validation",
                "no pair of images",
                "a batch of >= 2",
                hint,
            ));
        }
        Ok(sum / images as f64)
    }

    /// Accuracy of the kNN probe after `epochs` epochs, if it is time for one.
    pub(super) fn online_knn(&self, knn: &OnlineKnn, epochs: usize) -> Result<Option<f64>> {
        if !epochs.is_multiple_of(knn.every_epochs) && epochs != self.config.max_epochs {
            return Ok(None);
        }
        let features = |loader: &DataLoader| {
            features(self.encoder, self.latent_size, loader, Precision::Float32)
        };
        let (bank, labels) = features(&knn.bank)?;
        let (x, y) = features(&knn.queries)?;
        Ok(Some(knn.probe.score((&bank, &labels), (&x, &y))?))
    }
}
