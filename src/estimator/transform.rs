//! The features of labelled images, which the probes are trained on.

use ndarray::{Array1, Array2};
use tch::Kind;

use super::Estimator;
use crate::Result;
use crate::encode::{InferenceEncoder, Precision};
use crate::loaders::{DataLoader, labelled_rows};
use crate::losses::ContrastiveLoss;
use crate::models::ResNet;
use crate::notebook::{Progress, check_interrupt};
use crate::tensor_input::float_kind;

impl<L: ContrastiveLoss> Estimator<L> {
    /// The features of every image of the loader, (N, latent), in its order.
    ///
    /// # Errors
    /// If a batch cannot be loaded, libtorch refuses it, or the user interrupts.
    pub fn transform(&self, loader: &DataLoader) -> Result<Array2<f32>> {
        Ok(self.transform_with_targets(loader)?.0)
    }

    /// The features (N, latent) and class indices (N) of every image of the loader, in its order.
    ///
    /// The encoder runs in evaluation mode and without gradients, on its
    /// [inference path](InferenceEncoder).
    ///
    /// # Errors
    /// If a batch cannot be loaded, libtorch refuses it, or the user interrupts.
    pub fn transform_with_targets(
        &self,
        loader: &DataLoader,
    ) -> Result<(Array2<f32>, Array1<i64>)> {
        self.transform_with_targets_in(loader, Precision::Float32)
    }

    /// [`transform_with_targets`](Self::transform_with_targets) in a precision of your choice.
    ///
    /// ```
    /// use twoviews::encode::Precision;
    /// use twoviews::prelude::*;
    /// let images = Shapes10 { num_images: 20, ..Default::default() }.generate()?;
    /// let config = DCLConfig { encoder: EncoderKind::ResNet8, ..Default::default() };
    /// let model = DCL::new(config, Device::Cpu)?;
    /// let loader = DataLoader::new(images, 10, 1)?;
    /// match model.transform_with_targets_in(&loader, Precision::BFloat16) {
    ///     Ok((features, _)) => assert_eq!(features.dim(), (20, 128)),
    ///     // A processor without bfloat16.
    ///     Err(error) => assert!(error.to_string().contains("Precision::Float32")),
    /// }
    /// # Ok::<(), twoviews::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there, and [`Error::Parameter`](crate::Error::Parameter) if the processor has no instructions for `precision`.
    pub fn transform_with_targets_in(
        &self,
        loader: &DataLoader,
        precision: Precision,
    ) -> Result<(Array2<f32>, Array1<i64>)> {
        features(&self.encoder, self.used.latent_size as usize, loader, precision)
    }
}

/// The features (N, `latent`) and class indices (N) of every image of the loader.
pub(super) fn features(
    encoder: &ResNet,
    latent: usize,
    loader: &DataLoader,
    precision: Precision,
) -> Result<(Array2<f32>, Array1<i64>)> {
    let weights = &encoder.fc.ws;
    let encoder = InferenceEncoder::new(encoder, precision)?;
    let kind = float_kind("weights", weights)?;
    let mut features = Vec::with_capacity(loader.len().saturating_mul(latent));
    let mut targets = Vec::with_capacity(loader.len());
    let progress = Progress::brief("encode", loader.len() as u64, "images");
    for batch in loader.iter() {
        let done = targets.len();
        check_interrupt(|| format!("encode after {done} of {} images", loader.len()))?;
        let batch = batch?;
        // A loader hands out float32; the weights may have been made wider or narrower.
        let images = batch.images.f_to_device(weights.device())?.f_to_kind(kind)?;
        let h = encoder.forward(&images)?;
        features.extend(Vec::<f32>::try_from(h.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?);
        progress.inc(batch.targets.size()[0] as u64);
        targets.extend(Vec::<i64>::try_from(batch.targets)?);
    }
    progress.finish();
    labelled_rows(features, targets)
}
