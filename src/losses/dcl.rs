//! Decoupled contrastive losses: InfoNCE without the positive pair in its denominator.

use tch::{Kind, Tensor};

use super::ContrastiveLoss;
use super::similarity::{Pairs, Similarities};
use super::slices::SIGMA;
use crate::Result;
use crate::temperature::{USUAL_TEMPERATURES, check_temperature};

/// DCL_i = -s_i + log S_i, averaged over the 2N anchors.
///
/// Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled contrastive learning", ECCV 2022, equation 6.
/// Every gradient of InfoNCE_i is that of DCL_i times q_i = S_i / (exp(s_i) + S_i), which is small
/// when N is small: DCL leaves this factor out.
///
/// | name | default | range |
/// |---|---|---|
/// | `temperature` | nidl 0.1, tutorial 0.07 | > 0 |
///
/// ```
/// use twoviews::losses::{ContrastiveLoss, DCLLoss};
/// use twoviews::tch::Tensor;
/// let z = Tensor::from_slice(&[1f64, 0., 0., 1.]).view([2, 2]);
/// let loss = DCLLoss::new(1.0)?.forward(&z, &z)?.double_value(&[]);
/// assert!((loss - (-1. + 2f64.ln())).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DCLLoss {
    temperature: f64,
}

impl ContrastiveLoss for DCLLoss {
    const METHOD: &'static str = "DCL";

    fn new(temperature: f64) -> Result<Self> {
        Ok(Self { temperature: check_temperature(temperature, USUAL_TEMPERATURES)? })
    }

    fn temperature(&self) -> f64 {
        self.temperature
    }

    fn per_anchor(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor> {
        let similarities = Similarities::new(z1, z2, self.temperature)?;
        // The one difference from InfoNCE: only the negatives.
        let log_denominator = similarities.log_sum(Pairs::Negatives)?;
        similarities.checked(log_denominator.f_sub(&similarities.positives)?)
    }
}

/// DCLW_i = -w_i s_i + log S_i with w_i = 2 - exp(c_i / sigma) / mean_j exp(c_j / sigma), where
/// c_i = <z1_i, z2_i> and sigma = 0.5.
///
/// The same paper, equation 7: pairs whose views differ weigh more. The gradient flows through w.
///
/// | name | default | range |
/// |---|---|---|
/// | `temperature` | nidl 0.1 | > 0 |
#[derive(Clone, Debug, PartialEq)]
pub struct DCLWLoss {
    temperature: f64,
}

impl ContrastiveLoss for DCLWLoss {
    const METHOD: &'static str = "DCLW";

    fn new(temperature: f64) -> Result<Self> {
        Ok(Self { temperature: check_temperature(temperature, USUAL_TEMPERATURES)? })
    }

    fn temperature(&self) -> f64 {
        self.temperature
    }

    fn per_anchor(&self, z1: &Tensor, z2: &Tensor) -> Result<Tensor> {
        let similarities = Similarities::new(z1, z2, self.temperature)?;
        let log_denominator = similarities.log_sum(Pairs::Negatives)?;
        let closeness = similarities.positives.f_mul_scalar(self.temperature / SIGMA)?.f_exp()?;
        let weight =
            closeness.f_div(&closeness.f_mean(None::<Kind>)?)?.f_neg()?.f_add_scalar(2.0)?;
        similarities.checked(log_denominator.f_sub(&weight.f_mul(&similarities.positives)?)?)
    }
}
