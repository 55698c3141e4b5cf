//! An accuracy's interval.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::{Error, Result};

/// Wilson's score interval of a proportion, such as an accuracy: `successes` of `n`.
///
/// With p = successes / n and z the standard normal's (1 + confidence) / 2 quantile:
///
/// ```text
/// (p + z² / 2n ± z sqrt(p (1 - p) / n + z² / 4n²)) / (1 + z² / n)
/// ```
///
/// It stays within 0 and 1 and is not empty where all or none succeed. E. B. Wilson, *Probable
/// inference, the law of succession, and statistical inference*, JASA 22 (1927); R. G. Newcombe,
/// *Two-sided confidence intervals for the single proportion*, Statistics in Medicine 17 (1998).
///
/// | name | range |
/// |---|---|
/// | successes | 0 to n |
/// | n | >= 1 |
/// | confidence | above 0 and below 1; mostly .95 |
///
/// ```
/// use twoviews::stats::wilson_interval;
/// let (low, high) = wilson_interval(156, 200, 0.95)?;
/// assert_eq!((format!("{low:.4}"), format!("{high:.4}")), ("0.7176".into(), "0.8318".into()));
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// For values outside these ranges.
pub fn wilson_interval(successes: usize, n: usize, confidence: f64) -> Result<(f64, f64)> {
    if successes > n || n == 0 {
        let hint = format!("There are {n} in all.");
        let allowed = "0 to n, and n at least 1";
        return Err(Error::parameter("successes", successes, allowed, hint));
    }
    Ok(wilson(successes as f64, n as f64, quantile(confidence)?))
}

/// z of a two-sided interval.
///
/// # Errors
/// For a confidence that is not above 0 and below 1.
pub(super) fn quantile(confidence: f64) -> Result<f64> {
    check_confidence(confidence)?;
    Ok(Normal::standard().inverse_cdf((1.0 + confidence) / 2.0))
}

pub(super) fn check_confidence(confidence: f64) -> Result<()> {
    // The upper quantile of the greatest number below 1 is infinite.
    if confidence > 0.0 && (1.0 + confidence) / 2.0 < 1.0 {
        return Ok(());
    }
    let allowed = "above 0 and below 1";
    Err(Error::parameter("confidence", confidence, allowed, "0.95 is usual."))
}

pub(super) fn wilson(successes: f64, n: f64, z: f64) -> (f64, f64) {
    let (p, z2) = (successes / n, z * z);
    let middle = p + z2 / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let end = |value: f64| (value / (1.0 + z2 / n)).clamp(0.0, 1.0);
    // Rounding would leave a little of what is exactly 0 or 1.
    let low = if successes == 0.0 { 0.0 } else { end(middle - half) };
    let high = if successes == n { 1.0 } else { end(middle + half) };
    (low, high)
}
