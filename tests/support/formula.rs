//! Images that a formula gives, as views for training.

use tch::{Device, Kind, Tensor};
use twoviews::Result;
use twoviews::loaders::{ViewsBatch, ViewsLoader};

use super::wave;

/// The views of `fixtures/make.py`: each epoch is one batch of formula images.
pub struct Formula {
    pub images: usize,
    /// Height and width.
    pub size: usize,
    pub kind: Kind,
    pub device: Device,
}

impl ViewsLoader for Formula {
    fn num_images(&self) -> usize {
        self.images
    }

    fn batch_size(&self) -> usize {
        self.images
    }

    fn seed(&self) -> u64 {
        0
    }

    fn batches_per_epoch(&self) -> usize {
        1
    }

    fn epoch(
        &self,
        epoch: u64,
        _: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<ViewsBatch>> + '_>> {
        let (images, size) = (self.images as i64, self.size as i64);
        let view = |v| {
            let values =
                wave(self.images * 3 * self.size * self.size, 100.0 + (2 * epoch + v) as f64);
            Tensor::from_slice(&values)
                .view([images, 3, size, size])
                .to_device(self.device)
                .to_kind(self.kind)
        };
        let targets = Tensor::zeros([images], (Kind::Int64, self.device));
        let batch =
            ViewsBatch { views: vec![view(0), view(1)], targets, indices: vec![0; self.images] };
        Ok(Box::new(std::iter::once(Ok(batch))))
    }
}
