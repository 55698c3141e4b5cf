//! The term by which InfoNCE's gradient falls short of DCL's.

use tch::{Kind, Tensor};

use super::ContrastiveLoss;
use super::similarity::{Pairs, Similarities};
use crate::temperature::check_temperature;
use crate::{Error, Result};

/// Numbers of all gradients together: 2 GiB of float64.
const LIMIT: i64 = 1 << 28;

/// q_i = S_i / (exp(s_i) + S_i) of all 2N anchors, those of the first view first: the negative-positive coupling.
///
/// Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled contrastive learning", ECCV 2022, proposition 1: every gradient
/// of InfoNCE_i is q_i times that of DCL_i ([`anchor_gradients`]). Between 0, where the partner is found already
/// and SimCLR learns no more from this anchor, and 1, where nothing is lost. No gradient flows through it.
///
/// ```
/// use twoviews::losses::npc_multiplier;
/// use twoviews::tch::Tensor;
/// // Views that agree, two orthogonal images: s = 1 / tau, S = 2 exp(0).
/// let z = Tensor::from_slice(&[1f64, 0., 0., 1.]).view([2, 2]);
/// let q = npc_multiplier(&z, &z, 1.0)?; // (4)
/// assert!((q.double_value(&[0]) - 2. / (1f64.exp() + 2.)).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// As [`ContrastiveLoss::forward`], and for a temperature that is not positive.
pub fn npc_multiplier(z1: &Tensor, z2: &Tensor, temperature: f64) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    check_temperature(temperature, "Use the temperature of the loss.")?;
    let similarities = Similarities::new(z1, z2, temperature)?;
    let log_sum = similarities.log_sum(Pairs::Negatives)?;
    // S / (exp(s) + S) as a logistic function, which cannot overflow.
    let q = log_sum.f_sub(&similarities.positives)?.f_sigmoid()?;
    similarities.checked(q)
}

/// The gradient of every anchor's loss with respect to all embeddings, (2N, 2N, D): `[i, j]` is the gradient of the
/// loss of anchor i with respect to embedding j, both in the order of the first view, then the second.
///
/// For [`InfoNCE`](super::InfoNCE) and [`DCLLoss`](super::DCLLoss) they stand in the ratio [`npc_multiplier`]:
///
/// ```
/// use twoviews::losses::{ContrastiveLoss, DCLLoss, InfoNCE, anchor_gradients, npc_multiplier};
/// use twoviews::tch::Tensor;
/// let z1 = Tensor::from_slice(&[1f64, 0.2, 0.1, 1.]).view([2, 2]);
/// let z2 = Tensor::from_slice(&[0.9f64, 0.5, -0.4, 1.]).view([2, 2]);
/// let simclr = anchor_gradients(&InfoNCE::new(0.5)?, &z1, &z2)?; // (4, 4, 2)
/// let dcl = anchor_gradients(&DCLLoss::new(0.5)?, &z1, &z2)?;
/// let q = npc_multiplier(&z1, &z2, 0.5)?.view([4, 1, 1]);
/// assert!((simclr - q * dcl).abs().max().double_value(&[]) < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// As [`ContrastiveLoss::forward`], and if the gradients would be more than 2^28 numbers.
pub fn anchor_gradients<L: ContrastiveLoss>(loss: &L, z1: &Tensor, z2: &Tensor) -> Result<Tensor> {
    gradients_of(&|z1, z2| loss.per_anchor(z1, z2), z1, z2)
}

/// A loss of every anchor.
type PerAnchor<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor>;

fn gradients_of(per_anchor: PerAnchor<'_>, z1: &Tensor, z2: &Tensor) -> Result<Tensor> {
    let losses = |z: &Tensor, n: i64| per_anchor(&z.f_narrow(0, 0, n)?, &z.f_narrow(0, n, n)?);
    // Refuses what no loss takes, before anything is made of it.
    tch::no_grad(|| per_anchor(z1, z2).map(drop))?;
    let (n, d) = (z1.size()[0], z1.size()[1]);
    if (4 * n).saturating_mul(n).saturating_mul(d) > LIMIT {
        let hint = "Look at fewer images: 32 show it as well.";
        let value = format!("{n} pairs of {d} numbers");
        return Err(Error::parameter("z1", value, "at most 2^28 gradients, 4 N^2 D", hint));
    }
    let z = Tensor::f_cat(&[z1, z2], 0)?.f_detach()?.f_set_requires_grad(true)?; // (2N, D)
    let losses = tch::with_grad(|| losses(&z, n))?;
    let rows = (0..2 * n).map(|anchor| {
        let one = losses.f_narrow(0, anchor, 1)?.f_sum(None::<Kind>)?;
        let gradients = Tensor::f_run_backward(&[one], &[&z], true, false)?;
        Ok(gradients.into_iter().next().unwrap_or_else(|| z.zeros_like()))
    });
    Ok(Tensor::f_stack(&rows.collect::<Result<Vec<_>>>()?, 0)?)
}
