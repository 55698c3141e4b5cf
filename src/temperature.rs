//! The range of temperatures, by which losses and the kNN probe divide cosines.

use crate::{Error, Result};

/// What to do about a loss's temperature that is refused.
pub(crate) const USUAL_TEMPERATURES: &str = "The tutorial uses 0.07, nidl's default is 0.1.";

/// Accepts a finite positive temperature.
pub(crate) fn check_temperature(temperature: f64, hint: &str) -> Result<f64> {
    if temperature > 0.0 && temperature.is_finite() {
        return Ok(temperature);
    }
    Err(Error::parameter("temperature", temperature, "finite and > 0", hint))
}

/// Refuses a temperature that would be 0, or whose inverse infinity, in float32.
#[cfg_attr(not(feature = "torch"), expect(dead_code, reason = "only tensors are float32"))]
pub(crate) fn check_float32(temperature: f64) -> Result<()> {
    if temperature >= f64::from(f32::MIN_POSITIVE) {
        return Ok(());
    }
    Err(Error::parameter(
        "temperature",
        temperature,
        "at least 1.2e-38, below which float32 holds no number in full",
        "The tutorial uses 0.07; nothing is learnt at such a temperature.",
    ))
}
