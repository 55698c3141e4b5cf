//! Everything that decides what a training run computes.

use serde::{Deserialize, Serialize};

use crate::encode::Precision;
use crate::models::{EncoderKind, MAX_WIDTH};
use crate::optim::{LrScheduler, OptimizerKind, OptimizerSettings, learning_rate};
use crate::temperature::{check_float32, check_temperature};
use crate::{Error, Result};

/// Model, loss and optimisation of one run, with nidl's names and defaults.
///
/// | name | default | range |
/// |---|---|---|
/// | `encoder` | `ResNet18` | |
/// | `latent_size` | 128 | 1 to 16,384 |
/// | `proj_hidden_dim`, `proj_output_dim` | 128 | 1 to 16,384 |
/// | `temperature` | 0.1 | >= 1.2e-38, what float32 holds in full |
/// | `optimizer` | `Adam` | |
/// | `learning_rate` | 3e-4 | > 0 |
/// | `weight_decay` | 5e-4 | >= 0 |
/// | `exclude_bias_and_norm_wd` | true | |
/// | `lr_scheduler` | 10 epochs of warm-up from 1e-6, then cosine | `warmup_start_lr` >= 0 |
/// | `max_epochs` | 100 | 1 to 2^32 - 2 |
/// | `joint_views` | false | |
/// | `precision` | `Float32` | |
/// | `random_state` | 42 | |
#[allow(deprecated, reason = "the derived code names bf16")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContrastiveConfig {
    /// Which encoder.
    pub encoder: EncoderKind,
    /// Width of the features h.
    pub latent_size: i64,
    /// Width of the projection head's hidden layer.
    pub proj_hidden_dim: i64,
    /// Width of the embeddings z.
    pub proj_output_dim: i64,
    /// Temperature tau of the loss.
    pub temperature: f64,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Base learning rate.
    pub learning_rate: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// No weight decay on tensors of one dimension or less (biases, batch norm).
    pub exclude_bias_and_norm_wd: bool,
    /// Learning-rate schedule, advanced at every step.
    pub lr_scheduler: LrScheduler,
    /// Epochs to train.
    pub max_epochs: usize,
    /// Encode both views in one forward pass, so that batch norm sees them together; nidl encodes
    /// each by itself.
    pub joint_views: bool,
    /// Precision of the convolutions; weights, batch norm and loss stay float32. A processor without
    /// instructions for bfloat16 emulates it, more slowly than float32.
    #[serde(rename = "bf16", with = "stored_precision")]
    pub precision: Precision,
    /// Whether `precision` is `BFloat16`; what is changed here takes effect there.
    #[deprecated(note = "use precision")]
    #[serde(skip)]
    pub bf16: bool,
    /// Seed of the initialisation, the shuffling and the augmentations.
    pub random_state: u64,
}

#[allow(deprecated, reason = "bf16 has its default, too")]
impl Default for ContrastiveConfig {
    fn default() -> Self {
        Self {
            encoder: EncoderKind::ResNet18,
            latent_size: 128,
            proj_hidden_dim: 128,
            proj_output_dim: 128,
            temperature: 0.1,
            optimizer: OptimizerKind::Adam,
            learning_rate: 3e-4,
            weight_decay: 5e-4,
            exclude_bias_and_norm_wd: true,
            lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 10, warmup_start_lr: 1e-6 },
            max_epochs: 100,
            joint_views: false,
            precision: Precision::Float32,
            bf16: false,
            random_state: 42,
        }
    }
}

impl ContrastiveConfig {
    /// The values of the tutorial "Decoupled Contrastive Learning": temperature 0.07, SGD without
    /// momentum, learning rate 0.03 * B / 256, 100 epochs, 10 of them warm-up.
    pub fn tutorial(batch_size: usize) -> Self {
        Self {
            temperature: 0.07,
            optimizer: OptimizerKind::Sgd,
            learning_rate: 0.03 * batch_size as f64 / 256.0,
            ..Self::default()
        }
    }

    /// Applies a change of `bf16` since `before`, then sets it to what `precision` is.
    #[allow(deprecated, reason = "the name of an earlier version")]
    pub(super) fn follow_bf16(&mut self, before: &Self) {
        if self.bf16 != before.bf16 {
            self.precision = if self.bf16 { Precision::BFloat16 } else { Precision::Float32 };
        }
        self.bf16 = self.precision == Precision::BFloat16;
    }

    /// What the optimizer needs of it.
    pub(crate) fn optimizer_settings(&self) -> OptimizerSettings {
        OptimizerSettings {
            kind: self.optimizer,
            weight_decay: self.weight_decay,
            exclude_bias_and_norm_wd: self.exclude_bias_and_norm_wd,
        }
    }

    /// The learning rate of `step`, counted from 0, in a run whose epochs have `steps_per_epoch` steps.
    pub(super) fn learning_rate_at(&self, step: usize, steps_per_epoch: usize) -> f64 {
        let steps = steps_per_epoch.saturating_mul(self.max_epochs);
        learning_rate(&self.lr_scheduler, self.learning_rate, step, steps_per_epoch, steps)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Parameter`] names the first value outside its range.
    pub fn check(&self) -> Result<()> {
        for (name, size) in [
            ("latent_size", self.latent_size),
            ("proj_hidden_dim", self.proj_hidden_dim),
            ("proj_output_dim", self.proj_output_dim),
        ] {
            if !(1..=MAX_WIDTH).contains(&size) {
                return Err(Error::parameter(name, size, "in 1 to 16384", "Use 128."));
            }
        }
        if !(1..MAX_EPOCHS).contains(&self.max_epochs) {
            let hint = "The tutorial trains for 100 epochs.";
            return Err(Error::parameter("max_epochs", self.max_epochs, "in 1 to 2^32 - 2", hint));
        }
        let hint = "The tutorial's values come from ContrastiveConfig::tutorial(batch_size).";
        check_temperature(self.temperature, hint)?;
        let rate = self.learning_rate;
        if !(rate > 0.0 && rate.is_finite()) {
            return Err(Error::parameter("learning_rate", rate, "finite and > 0", hint));
        }
        // Weights are float32, and so are the losses that are computed of their embeddings.
        check_float32(self.temperature)?;
        let not_negative = |name, value: f64, hint: &str| {
            if value >= 0.0 && value.is_finite() {
                return Ok(());
            }
            Err(Error::parameter(name, value, "finite and >= 0", hint))
        };
        not_negative("weight_decay", self.weight_decay, "Use 0 for none.")?;
        if let LrScheduler::WarmupCosine { warmup_start_lr, .. } = self.lr_scheduler {
            not_negative("warmup_start_lr", warmup_start_lr, "nidl's default is 1e-6.")?;
        }
        Ok(())
    }
}

/// Checkpoints say whether convolutions compute in bfloat16.
mod stored_precision {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Precision;

    pub(super) fn serialize<S: Serializer>(
        precision: &Precision,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*precision == Precision::BFloat16)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Precision, D::Error> {
        let bf16 = bool::deserialize(deserializer)?;
        Ok(if bf16 { Precision::BFloat16 } else { Precision::Float32 })
    }
}

/// The counters behind the random views have 32 bits.
const MAX_EPOCHS: usize = u32::MAX as usize;
