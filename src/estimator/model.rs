//! The estimator: an encoder, a projection head and the loss that trains them.

use std::fmt;
use std::path::Path;

use tch::{Device, Tensor, nn};

use super::ContrastiveConfig;
use super::state::TrainingState;
use crate::Result;
use crate::losses::ContrastiveLoss;
use crate::models::{ProjectionHead, ResNet, initialise};
use crate::tensor_input::check_device;
use crate::weights::save_state_dict;

/// An encoder with a projection head, to be trained with the loss `L` or loaded from a checkpoint.
///
/// [`SimCLR`](super::SimCLR) and [`DCL`](super::DCL) are this type with their losses. Parameters
/// are named as nidl names them: `encoder.*` and `projection_head.layers.{0,2}.*`.
///
/// ```
/// use twoviews::estimator::{DCL, DCLConfig};
/// use twoviews::models::EncoderKind;
/// use twoviews::tch::{Device, Kind, Tensor};
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
    pub fn new(mut config: ContrastiveConfig, device: Device) -> Result<Self> {
        config.follow_bf16(&ContrastiveConfig::default());
        config.check()?;
        check_device(device)?;
        let loss = L::new(config.temperature)?;
        let (encoder, projection_head, variables) = network(&config, device)?;
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
    /// [`Weights`](super::Weights) reads, and Python does, too:
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
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written; nothing half-written is left.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save(&self.variables, path.as_ref())
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
}

/// Encoder and projection head with freshly drawn weights.
fn network(
    config: &ContrastiveConfig,
    device: Device,
) -> Result<(ResNet, ProjectionHead, nn::VarStore)> {
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
    Ok((encoder, projection_head, variables))
}

fn save(variables: &nn::VarStore, path: &Path) -> Result<()> {
    save_state_dict(&variables.variables().into_iter().collect(), path)
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
