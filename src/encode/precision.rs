//! The precision in which an encoder computes.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Precision of the convolutions, chosen in `ContrastiveConfig::precision` for training and in
/// `Estimator::transform_with_targets_in` for encoding.
///
/// | name | features differ from float32 by | where |
/// |---|---|---|
/// | `Float32` | 1e-5 of the largest, from other sums and fewer products | everywhere; the default |
/// | `BFloat16` | about 1e-2 of the largest | processors with avx512_bf16, AMX or Arm's bf16; CUDA |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    Float32,
    /// 8 bits of mantissa, half the memory; pooling and the last layer stay in float32.
    BFloat16,
}

impl Precision {
    /// The kind of the images that go through the convolutions on a processor.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::BFloat16 => Kind::BFloat16,
        }
    }

    /// The images of a training step, whose kind decides in which precision the convolutions compute.
    pub(crate) fn convert(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Float32 => x.shallow_clone(),
            Self::BFloat16 => x.f_to_kind(Kind::BFloat16)?,
        })
    }

    /// Refuses a precision that `device` can only emulate, more slowly than float32.
    ///
    /// # Errors
    /// [`Error::Parameter`] for `BFloat16` on a processor without instructions for it.
    pub fn check(self, device: Device) -> Result<()> {
        if self == Self::Float32 || device != Device::Cpu || cpu_has_bf16() {
            return Ok(());
        }
        let allowed = "Float32 on this processor, which has no instructions for bfloat16";
        let hint = "Use Precision::Float32, which transform_with_targets uses.";
        Err(Error::parameter("precision", "BFloat16", allowed, hint))
    }
}

/// Every x86 processor with AMX has avx512_bf16, too.
fn cpu_has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("bf16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}
