//! InfoNCE, the loss of SimCLR.

use tch::Tensor;

use super::ContrastiveLoss;
use super::similarity::{Pairs, Similarities};
use crate::Result;
use crate::temperature::{USUAL_TEMPERATURES, check_temperature};

/// InfoNCE_i = -s_i + log(exp(s_i) + S_i), averaged over the 2N anchors.
///
/// SimCLR's NT-Xent: Chen, Kornblith, Norouzi and Hinton, "A simple framework for contrastive
/// learning of visual representations", ICML 2020, equation 1.
///
/// | name | default | range |
/// |---|---|---|
/// | `temperature` | nidl 0.1, tutorial 0.07 | > 0 |
///
/// ```
/// use twoviews::losses::{ContrastiveLoss, InfoNCE};
/// use twoviews::tch::Tensor;
/// // Two images whose views agree and that are orthogonal: s = 1, and two negatives of exp(0).
/// let z = Tensor::from_slice(&[1f64, 0., 0., 1.]).view([2, 2]);
/// let loss = InfoNCE::new(1.0)?.forward(&z, &z)?.double_value(&[]);
/// assert!((loss - (-1. + (1f64.exp() + 2.).ln())).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InfoNCE {
    temperature: f64,
}

impl ContrastiveLoss for InfoNCE {
    const METHOD: &'static str = "SimCLR";

    fn new(temperature: f64) -> Result<Self> {
        Ok(Self { temperature: check_temperature(temperature, USUAL_TEMPERATURES)? })
    }

    fn temperature(&self) -> f64 {
        self.temperature
    }

    fn per_anchor(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor> {
        let similarities = Similarities::new(z1, z2, self.temperature)?;
        let log_denominator = similarities.log_sum(Pairs::All)?;
        similarities.checked(log_denominator.f_sub(&similarities.positives)?)
    }
}
