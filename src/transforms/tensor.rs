//! From bytes to normalised numbers.

use super::{Transform, View};
use crate::rng::RandomStream;
use crate::{Error, Result};

/// Bytes to float32 in [0, 1]: p / 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToTensor;

impl Transform for ToTensor {
    fn apply(&self, view: &mut View, _: &mut RandomStream) -> Result<()> {
        view.expect_image()?;
        view.values.resize(view.planes.len(), 0.0);
        for (value, &p) in view.values.iter_mut().zip(&view.planes) {
            *value = f32::from(p) / 255.0;
        }
        view.is_tensor = true;
        Ok(())
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}

/// (x - mean) / std, in float32.
///
/// | name | default | range |
/// |---|---|---|
/// | `mean` | `[0.5]` | one finite value, or one a channel |
/// | `std` | `[0.5]` | one finite positive value, or one a channel |
#[derive(Clone, Debug, PartialEq)]
pub struct Normalize {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub std: Vec<f32>,
}

impl Default for Normalize {
    /// The tutorial's scaling to [-1, 1], in training and for labelled images alike.
    fn default() -> Self {
        Self { mean: vec![0.5], std: vec![0.5] }
    }
}

impl Normalize {
    /// Mean and standard deviation, one for all channels or one for each.
    ///
    /// # Errors
    /// If there are neither 1 nor 3 values, one is not finite, or a standard deviation is not
    /// positive.
    pub fn new(mean: &[f32], std: &[f32]) -> Result<Self> {
        let normalize = Self { mean: mean.to_vec(), std: std.to_vec() };
        normalize.check()?;
        Ok(normalize)
    }
}

impl Transform for Normalize {
    fn apply(&self, view: &mut View, _: &mut RandomStream) -> Result<()> {
        self.check()?;
        let values = view.values_mut()?;
        let size = values.len() / 3;
        for (channel, plane) in values.chunks_exact_mut(size).enumerate() {
            let mean = self.mean[channel.min(self.mean.len() - 1)];
            let std = self.std[channel.min(self.std.len() - 1)];
            for value in plane {
                *value = (*value - mean) / std;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let usable = |values: &[f32], allowed: fn(f32) -> bool| {
            matches!(values.len(), 1 | 3) && values.iter().all(|&v| v.is_finite() && allowed(v))
        };
        let hint = "The tutorial uses 0.5 for both.";
        if !usable(&self.mean, |_| true) {
            let allowed = "1 or 3 finite values";
            return Err(Error::parameter("mean", format!("{:?}", self.mean), allowed, hint));
        }
        if !usable(&self.std, |v| v > 0.0) {
            let allowed = "1 or 3 finite positive values";
            return Err(Error::parameter("std", format!("{:?}", self.std), allowed, hint));
        }
        Ok(())
    }

    fn name(&self) -> String {
        format!("{self:?}")
    }
}
