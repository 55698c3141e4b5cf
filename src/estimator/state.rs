//! Where a run stands: everything that the next step depends on, besides the model.

use serde::{Deserialize, Serialize};

use super::History;
use crate::loaders::ViewsLoader;
use crate::optim::Optimizer;
use crate::{Error, Result};

/// The state of a run between two steps.
pub(crate) struct TrainingState {
    /// Finished epochs.
    pub epoch: usize,
    /// Finished batches of the current epoch.
    pub batch: usize,
    /// The loader that the counters refer to.
    pub loader: LoaderRecord,
    pub optimizer: Optimizer,
    /// Lowest loss of an epoch, validation if there is one.
    pub best_loss: Option<f64>,
    pub history: History,
}

/// What decides the batches of a loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoaderRecord {
    pub num_images: usize,
    pub batch_size: usize,
    pub batches_per_epoch: usize,
    pub seed: u64,
}

impl LoaderRecord {
    pub(super) fn of(loader: &dyn ViewsLoader) -> Self {
        Self {
            num_images: loader.num_images(),
            batch_size: loader.batch_size(),
            batches_per_epoch: loader.batches_per_epoch(),
            seed: loader.seed(),
        }
    }

    /// Images that an epoch trains on.
    pub(super) fn images_per_epoch(&self) -> usize {
        self.num_images.min(self.batches_per_epoch.saturating_mul(self.batch_size))
    }

    /// The error of a loader that does not keep to its number of batches, which epochs and rates are counted by.
    pub(super) fn miscounted(&self, found: &'static str, place: &str) -> Error {
        let value = format!("{found} batches {place}");
        let hint = format!("batches_per_epoch() says {}.", self.batches_per_epoch);
        Error::parameter("loader", value, "an epoch of batches_per_epoch() batches", hint)
    }

    /// Refuses a loader with which no epoch would come to its end.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a batch would have one image, which no loss can compare with another,
    /// or there is no batch.
    pub(super) fn check(&self) -> Result<()> {
        let Self { num_images, batch_size, batches_per_epoch, .. } = *self;
        if batches_per_epoch == 0 || num_images == 0 {
            let value = format!("{batches_per_epoch} batches of {num_images} images");
            return Err(Error::parameter("loader", value, "at least one batch", "Give it images."));
        }
        if batch_size < 2 || num_images < 2 {
            let value = format!("{batch_size} of {num_images} images");
            let hint = "One image has no negatives: give at least 2 to a batch.";
            return Err(Error::parameter("batch_size", value, ">= 2 of >= 2 images", hint));
        }
        let before_last = (batches_per_epoch - 1).saturating_mul(batch_size);
        if before_last.saturating_add(1) == num_images {
            let hint = format!(
                "{num_images} images in batches of {batch_size} leave a last batch of one image, which \
                 has no negatives: set drop_last = true, or choose another batch_size or number of \
                 images."
            );
            let allowed = "one that leaves no last batch of one image";
            return Err(Error::parameter("batch_size", batch_size, allowed, hint));
        }
        Ok(())
    }

    /// Refuses a loader whose losses cannot be measured: a last batch of one image may be left out.
    pub(super) fn check_validation(&self) -> Result<()> {
        if self.batches_per_epoch > 0 && self.batch_size > 1 && self.num_images > 1 {
            return Ok(());
        }
        let value = format!(
            "{} batches of {} of {} images",
            self.batches_per_epoch, self.batch_size, self.num_images
        );
        let hint = "Give it at least two images in a batch.";
        Err(Error::parameter("validation", value, "a batch of >= 2", hint))
    }

    /// A run goes on exactly only with the batches that it began with.
    pub(super) fn check_same(&self, loader: &dyn ViewsLoader) -> Result<()> {
        let found = Self::of(loader);
        if found == *self {
            return Ok(());
        }
        let hint = format!("The run began with {self:?}.");
        let allowed = "a loader like the one the run began with";
        Err(Error::parameter("loader", format!("{found:?}"), allowed, hint))
    }
}
