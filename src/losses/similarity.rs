//! What the losses share: all similarities of a batch by matrix products.

use tch::{Kind, Tensor};

use crate::temperature::check_float32;
use crate::tensor_input::float_kind;
use crate::{Error, Result};

/// Rows of the (2N, 2N) similarities that are computed at once: a larger batch needs the memory of
/// the temporaries of a block, not of the whole.
const ROWS: i64 = 1024;

/// Over which pairs of an anchor a sum goes; an embedding never meets itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    /// The positive and the negatives, 2N - 1.
    All,
    /// The 2(N - 1) negatives.
    Negatives,
}

/// Similarities of a batch, divided by the temperature.
pub(super) struct Similarities {
    /// s_i of every anchor, (2N)
    pub positives: Tensor,
    /// Normalised embeddings of both views, (2N, D)
    z: Tensor,
    temperature: f64,
}

impl Similarities {
    /// Normalises both views and multiplies every embedding with its partner.
    pub(super) fn new(z1: &Tensor, z2: &Tensor, temperature: f64) -> Result<Self> {
        let kinds = [float_kind("z1", z1)?, float_kind("z2", z2)?];
        check_shapes(z1, z2, 2)?;
        let n = z1.size()[0];
        if !kinds.contains(&Kind::Double) {
            check_float32(temperature)?;
        }
        let z = unit_rows("z", &Tensor::f_cat(&[z1, z2], 0)?)?; // (2N, D)
        let (z1, z2) = (z.f_narrow(0, 0, n)?, z.f_narrow(0, n, n)?);
        let products = z1.f_mul(&z2)?.f_sum_dim_intlist([-1i64].as_slice(), false, None)?;
        let positives = products.f_div_scalar(temperature)?;
        Ok(Self { positives: Tensor::f_cat(&[&positives, &positives], 0)?, z, temperature })
    }

    /// log of the sum of exp(similarity) over the `pairs` of every anchor, (2N).
    pub(super) fn log_sum(&self, pairs: Pairs) -> Result<Tensor> {
        let anchors = self.z.size()[0];
        let number = Tensor::f_arange(anchors, (Kind::Int64, self.z.device()))?;
        let partner = number.f_roll([anchors / 2], [0])?;
        // The temperature goes to the small factor, so that the similarities are written once.
        let scaled = self.z.f_div_scalar(self.temperature)?;
        let block = |start: i64| -> Result<Tensor> {
            let rows = ROWS.min(anchors - start);
            let column = |of: &Tensor| -> Result<Tensor> {
                Ok(of.f_narrow(0, start, rows)?.f_unsqueeze(1)?.f_eq_tensor(&number)?)
            };
            let left_out = match pairs {
                Pairs::All => column(&number)?,
                Pairs::Negatives => column(&number)?.f_logical_or(&column(&partner)?)?,
            };
            // (rows, 2N), filled in place: one copy is kept for the backward pass.
            let mut similarities = scaled.f_narrow(0, start, rows)?.f_matmul(&self.z.f_tr()?)?;
            let similarities = similarities.f_masked_fill_(&left_out, f64::NEG_INFINITY)?;
            Ok(similarities.f_logsumexp([1i64].as_slice(), false)?)
        };
        let blocks = (0..anchors).step_by(ROWS as usize).map(block).collect::<Result<Vec<_>>>()?;
        Ok(Tensor::f_cat(&blocks, 0)?)
    }

    /// A loss (2N) of the anchors.
    ///
    /// # Errors
    /// If their mean is not finite, with the cause.
    pub(super) fn checked(&self, losses: Tensor) -> Result<Tensor> {
        if losses.f_mean(None::<Kind>)?.f_double_value(&[])?.is_finite() {
            return Ok(losses);
        }
        if self.z.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1 {
            let kind = self.z.f_kind()?;
            let allowed = "large enough for similarities that the embeddings' kind can hold";
            let hint =
                format!("Cosines over the temperature leave the range of {kind:?}: raise it.");
            return Err(Error::parameter("temperature", self.temperature, allowed, hint));
        }
        Err(Error::NonFinite {
            name: "loss",
            place: format!("for {} pairs of embeddings", self.z.size()[0] / 2),
            hint:
                "The embeddings z1 or z2 hold NaN or infinity: lower the learning rate, or look at \
                   the images for NaN."
                    .into(),
        })
    }
}

/// Embeddings (N, D) divided by their lengths; those of half precision in float32.
pub(super) fn unit_rows(name: &'static str, z: &Tensor) -> Result<Tensor> {
    let z = match float_kind(name, z)? {
        Kind::Half | Kind::BFloat16 => z.f_to_kind(Kind::Float)?,
        // Memory for rows that are one row repeated is asked for here: where a number is among the arguments, tch
        // would panic if there is none.
        _ => z.f_contiguous()?,
    };
    let norm = z.f_norm_scalaropt_dim(2, [1], true)?.f_clamp_min(1e-12)?;
    Ok(z.f_div(&norm)?)
}

/// Refuses what are not two times at least `least` rows.
pub(super) fn check_shapes(z1: &Tensor, z2: &Tensor, least: i64) -> Result<()> {
    let (found, other) = (z1.size(), z2.size());
    let problem = |name, found: &[i64], expected: String, hint: &str| {
        Err(Error::Shape { name, found: found.to_vec(), expected, hint: hint.into() })
    };
    if found.len() != 2 || found[1] == 0 {
        return problem("z1", &found, "(N, D)".into(), "Give one row of D numbers for each image.");
    }
    if z1.device() != z2.device() {
        let hint = "Both views go through the same network.";
        let value = format!("on {:?}, z1 on {:?}", z2.device(), z1.device());
        return Err(Error::parameter("z2", value, "on z1's device", hint));
    }
    if other != found {
        let expected = format!("{found:?} like z1");
        return problem("z2", &other, expected, "Both views come from the same N images.");
    }
    if found[0] < least {
        let hint = "With one image there are no negatives: use a batch of at least 2.";
        return problem("z1", &found, format!("(N, D) with N >= {least}"), hint);
    }
    Ok(())
}
