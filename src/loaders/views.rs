//! What a training loader hands out.

use tch::Tensor;

use crate::Result;

/// One training batch: the same images, seen several times.
#[derive(Debug)]
pub struct ViewsBatch {
    /// One tensor a view, each (B, 3, height, width), float32, normalised.
    pub views: Vec<Tensor>,
    /// Class indices, (B), int64; for an online probe only, the losses do not see them.
    pub targets: Tensor,
    /// Positions of the images in the loader's subset.
    pub indices: Vec<usize>,
}

/// Batches of augmented views, epoch after epoch.
///
/// What an epoch yields is a function of the loader's seed and the epoch's number alone, so that a
/// run can go on in the middle of an epoch.
pub trait ViewsLoader {
    /// Number of images an epoch draws from.
    fn num_images(&self) -> usize;
    /// Images in a full batch.
    fn batch_size(&self) -> usize;
    /// Seed of the order and of the views.
    fn seed(&self) -> u64;
    /// Batches in an epoch.
    fn batches_per_epoch(&self) -> usize;
    /// The batches of `epoch` (counted from 0), beginning with `first_batch`.
    ///
    /// # Errors
    /// If `first_batch` lies past the end of the epoch.
    fn epoch(
        &self,
        epoch: u64,
        first_batch: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>>;
}
