//! What a contrastive loss asks for, measured apart: partners close together, everything spread out.

use tch::{Kind, Tensor};

use super::similarity::{check_shapes, unit_rows};
use crate::tensor_input::float_kind;
use crate::{Error, Result};

/// Rows whose distances are computed at once.
const ROWS: i64 = 1024;

/// L_align = mean over i of |z1_i - z2_i|^alpha, the embeddings divided by their lengths.
///
/// Wang and Isola, "Understanding contrastive representation learning through alignment and uniformity on the
/// hypersphere", ICML 2020, section 4.1 (alpha = 2 there). 0 where partners agree; 4 at most for alpha = 2.
///
/// | name | paper | range |
/// |---|---|---|
/// | `alpha` | 2 | > 0 |
///
/// ```
/// use twoviews::losses::alignment;
/// use twoviews::tch::Tensor;
/// let z1 = Tensor::from_slice(&[1f64, 0., 0., 2.]).view([2, 2]);
/// let z2 = Tensor::from_slice(&[3f64, 0., 1., 0.]).view([2, 2]);
/// // The first pair agrees, the second is orthogonal: squares of the distances 0 and 2.
/// assert!((alignment(&z1, &z2, 2.0)? - 1.0).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// As [`ContrastiveLoss::forward`](super::ContrastiveLoss::forward), and if `alpha` is not positive; one pair is enough.
pub fn alignment(z1: &Tensor, z2: &Tensor, alpha: f64) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    check_positive("alpha", alpha)?;
    for (name, z) in [("z1", z1), ("z2", z2)] {
        float_kind(name, z)?;
    }
    check_shapes(z1, z2, 1)?;
    let difference = unit_rows("z1", z1)?.f_sub(&unit_rows("z2", z2)?)?;
    let distance = difference.f_norm_scalaropt_dim(2, [-1i64].as_slice(), false)?;
    finite(&distance.f_pow_tensor_scalar(alpha)?.f_mean(None::<Kind>)?)
}

/// L_uniform = log of the mean over pairs i < j of exp(-t |z_i - z_j|^2), the embeddings divided by their lengths.
///
/// The same paper, section 4.1 (t = 2 there). 0 where all embeddings are equal; the more evenly they cover the
/// sphere, the lower: of random directions in many dimensions about -2 t.
///
/// | name | paper | range |
/// |---|---|---|
/// | `t` | 2 | > 0 |
///
/// ```
/// use twoviews::losses::uniformity;
/// use twoviews::tch::Tensor;
/// // Opposite points: the square of their distance is 4.
/// let z = Tensor::from_slice(&[1f64, 0., -1., 0.]).view([2, 2]);
/// assert!((uniformity(&z, 2.0)? - -8.0).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// If `z` is not (N, D) with N >= 2, holds no floating-point numbers, or NaN or infinity, or `t` is not positive.
pub fn uniformity(z: &Tensor, t: f64) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    check_positive("t", t)?;
    float_kind("z", z)?;
    let size = z.size();
    if size.len() != 2 || size[0] < 2 || size[1] == 0 {
        let hint =
            "One embedding has no distance: give a batch, or both views of it in one tensor.";
        let expected = "(N, D) with N >= 2".into();
        return Err(Error::Shape { name: "z", found: size, expected, hint: hint.into() });
    }
    // In float64: a difference of cosines would lose the near pairs, and the sum the far ones.
    let z = unit_rows("z", z)?.f_to_kind(Kind::Double)?;
    let n = z.size()[0];
    let mut parts = Vec::new();
    for start in (0..n).step_by(ROWS as usize) {
        let rows = ROWS.min(n - start);
        let cosines = z.f_narrow(0, start, rows)?.f_matmul(&z.f_tr()?)?; // (rows, N)
        let exponent = cosines.f_neg()?.f_add_scalar(1.0)?.f_mul_scalar(-2.0 * t)?;
        // Each pair once: columns to the right of the row's own.
        let pairs = Tensor::f_ones([rows, n], (Kind::Bool, z.device()))?.f_triu(start + 1)?;
        let exponent = exponent.f_masked_fill(&pairs.f_logical_not()?, f64::NEG_INFINITY)?;
        parts.push(exponent.f_logsumexp([0i64, 1].as_slice(), false)?.f_view(1)?);
    }
    let sum = Tensor::f_cat(&parts, 0)?.f_logsumexp([0i64].as_slice(), false)?;
    let pairs = n as f64 * (n - 1) as f64 / 2.0;
    finite(&sum.f_sub_scalar(pairs.ln())?)
}

fn check_positive(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::parameter(name, value, "finite and > 0", "The paper uses 2."))
}

fn finite(value: &Tensor) -> Result<f64> {
    let value = value.f_double_value(&[])?;
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::NonFinite {
        name: "alignment or uniformity",
        place: "for these embeddings".into(),
        hint: "The embeddings hold NaN or infinity: lower the learning rate.".into(),
    })
}
