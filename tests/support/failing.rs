//! A loader that stops a run.

use std::cell::Cell;

use twoviews::prelude::*;

/// Stops a run with an error after `left` batches, as a user, a full disk or a lost device would.
pub struct Failing {
    pub loader: MultiViewsLoader,
    pub left: Cell<usize>,
}

impl ViewsLoader for Failing {
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
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        let batches = self.loader.epoch(epoch, first_batch)?;
        Ok(Box::new(batches.map(|batch| {
            let left = self.left.get();
            self.left.set(left.saturating_sub(1));
            if left == 0 { Err(Error::Interrupted { place: "here".into() }) } else { batch }
        })))
    }
}
