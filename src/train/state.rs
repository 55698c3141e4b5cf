//! Where a run stands: everything that the next step depends on, besides the model.

use serde::{Deserialize, Serialize};

use super::History;
use super::optimizer::Optimizer;
use crate::data::ViewsLoader;
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
        self.num_images.min(self.batches_per_epoch * self.batch_size)
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
