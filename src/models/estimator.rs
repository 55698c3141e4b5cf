//! The estimator: an encoder, a projection head and the loss that trains them.

use std::fmt;
use std::path::Path;

use ndarray::{Array1, Array2};
use tch::{Device, Kind, Tensor, nn};

use super::{InferenceEncoder, Precision, ProjectionHead, ResNet, initialise};
use crate::loaders::{DataLoader, labelled_rows};
use crate::losses::ContrastiveLoss;
use crate::notebook::{Progress, interrupted};
use crate::tensor_input::{check_device, float_kind};
use crate::train::{ContrastiveConfig, TrainingState};
use crate::weights::save_state_dict;
use crate::{Error, Result};

/// An encoder with a projection head, to be trained with the loss `L` or loaded from a checkpoint.
///
/// [`SimCLR`](super::SimCLR) and [`DCL`](super::DCL) are this type with their losses. Parameters
/// are named as nidl names them: `encoder.*` and `projection_head.layers.{0,2}.*`.
///
/// ```
/// use twoviews::models::{DCL, DCLConfig};
/// use twoviews::tch::{Device, Kind, Tensor};
/// use twoviews::train::EncoderKind;
/// let config = DCLConfig { encoder: EncoderKind::ResNet8, ..Default::default() };
/// let model = DCL::new(config, Device::Cpu)?;
/// let x = Tensor::zeros([2, 3, 32, 32], (Kind::Float, Device::Cpu));
/// assert_eq!(model.encode(&x, false)?.size(), [2, 128]);
/// # Ok::<(), twoviews::Error>(())
/// ```
pub struct Estimator<L> {
    /// What it was made from.
    pub config: ContrastiveConfig,
    /// Images x to features h.
    pub encoder: ResNet,
    /// Features h to embeddings z.
    pub projection_head: ProjectionHead,
    /// The loss of two views' embeddings.
    pub loss: L,
    /// The configuration that the network, the loss and the run were made from: what the user
    /// changes in `config` is compared with it.
    pub(crate) used: ContrastiveConfig,
    variables: nn::VarStore,
    /// Where the last run of `fit` ended, for `resume`.
    pub(crate) training: Option<TrainingState>,
}

impl<L: ContrastiveLoss> Estimator<L> {
    /// A model with freshly drawn weights, a function of `config.random_state`.
    ///
    /// # Errors
    /// If a value of the configuration is out of its range, or libtorch has no such device.
    pub fn new(config: ContrastiveConfig, device: Device) -> Result<Self> {
        config.check()?;
        check_device(device)?;
        let loss = L::new(config.temperature)?;
        let mut variables = nn::VarStore::new(device);
        let root = variables.root();
        let encoder = ResNet::new(&(&root / "encoder"), config.encoder, config.latent_size)?;
        let projection_head = ProjectionHead::new(
            &(&root / "projection_head"),
            config.latent_size,
            config.proj_hidden_dim,
            config.proj_output_dim,
        )?;
        initialise(&mut variables, config.random_state)?;
        let used = config.clone();
        Ok(Self { config, encoder, projection_head, loss, used, variables, training: None })
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.variables.device()
    }

    /// All parameters and running statistics by name.
    pub fn var_store(&self) -> &nn::VarStore {
        &self.variables
    }

    /// All parameters and running statistics by name, to change their kind or device.
    pub fn var_store_mut(&mut self) -> &mut nn::VarStore {
        &mut self.variables
    }

    /// Writes all parameters and running statistics to a `.safetensors` file, which
    /// [`Weights`](crate::weights::Weights) reads, and Python does, too:
    ///
    /// ```python
    /// state = safetensors.torch.load_file("dcl.safetensors")
    /// encoder.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("encoder.")})
    /// ```
    ///
    /// Here `encoder` is torchvision's `resnet18(num_classes=128)` with
    /// `conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)` and `maxpool = nn.Identity()`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written; nothing half-written is left.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save_state_dict(&self.variables.variables().into_iter().collect(), path.as_ref())
    }

    /// Features h (B, latent) of images x (B, 3, H, W); with `train`, batch norm uses the batch.
    ///
    /// # Errors
    /// If the images have another shape, kind or device than the weights want; greyscale images and
    /// channels that come last are named as such.
    pub fn encode(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.encoder.forward_t(x, train)
    }

    /// Embeddings z (B, output) of images x (B, 3, H, W).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn embed(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.projection_head.forward(&self.encode(x, train)?)
    }

    /// The features of every image of the loader, (N, latent), in its order.
    ///
    /// # Errors
    /// If a batch cannot be loaded, libtorch refuses it, or the reader interrupts.
    pub fn transform(&self, loader: &DataLoader) -> Result<Array2<f32>> {
        Ok(self.transform_with_targets(loader)?.0)
    }

    /// The features (N, latent) and class indices (N) of every image of the loader, in its order.
    ///
    /// The encoder runs in evaluation mode and without gradients, on its
    /// [inference path](InferenceEncoder).
    ///
    /// # Errors
    /// If a batch cannot be loaded, libtorch refuses it, or the reader interrupts.
    pub fn transform_with_targets(
        &self,
        loader: &DataLoader,
    ) -> Result<(Array2<f32>, Array1<i64>)> {
        self.transform_with_targets_in(loader, Precision::Float32)
    }

    /// [`transform_with_targets`](Self::transform_with_targets) in a precision of your choice.
    ///
    /// ```
    /// use twoviews::models::Precision;
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
    /// As there, and [`Error::Parameter`] if the processor has no instructions for `precision`.
    pub fn transform_with_targets_in(
        &self,
        loader: &DataLoader,
        precision: Precision,
    ) -> Result<(Array2<f32>, Array1<i64>)> {
        let encoder = InferenceEncoder::new(&self.encoder, precision)?;
        let kind = float_kind("weights", &self.encoder.fc.ws)?;
        let latent = self.used.latent_size as usize;
        let mut features = Vec::with_capacity(loader.len().saturating_mul(latent));
        let mut targets = Vec::with_capacity(loader.len());
        let progress = Progress::new("encode", loader.len() as u64, "images");
        for batch in loader.iter() {
            if interrupted() {
                let place = format!("encode after {} of {} images", targets.len(), loader.len());
                return Err(Error::Interrupted { place });
            }
            let batch = batch?;
            // A loader hands out float32; the weights may have been made wider or narrower.
            let images = batch.images.f_to_device(self.device())?.f_to_kind(kind)?;
            let h = encoder.forward(&images)?;
            features.extend(Vec::<f32>::try_from(h.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?);
            progress.inc(batch.targets.size()[0] as u64);
            targets.extend(Vec::<i64>::try_from(batch.targets)?);
        }
        progress.finish();
        labelled_rows(features, targets)
    }
}

impl<L: ContrastiveLoss> fmt::Debug for Estimator<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: usize =
            self.variables.trainable_variables().iter().map(Tensor::numel).sum();
        write!(
            f,
            "{}({:?}, {} features, temperature {}, {parameters} parameters, {:?})",
            L::METHOD,
            self.config.encoder,
            self.config.latent_size,
            self.loss.temperature(),
            self.device()
        )
    }
}
