//! What the losses share: all similarities of a batch by matrix products.

use tch::{Kind, Tensor};

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
        check_shapes(z1, z2)?;
        let n = z1.size()[0];
        let z = Tensor::cat(&[z1, z2], 0); // (2N, D)
        let z = if matches!(z.kind(), Kind::Half | Kind::BFloat16) {
            z.to_kind(Kind::Float)
        } else {
            z
        };
        let norm = z.norm_scalaropt_dim(2, [1], true).clamp_min(1e-12);
        let z = z / norm;
        let (z1, z2) = (z.narrow(0, 0, n), z.narrow(0, n, n));
        let positives = (z1 * z2).sum_dim_intlist([-1i64].as_slice(), false, None) / temperature;
        Ok(Self { positives: Tensor::cat(&[&positives, &positives], 0), z, temperature })
    }

    /// log of the sum of exp(similarity) over the `pairs` of every anchor, (2N).
    pub(super) fn log_sum(&self, pairs: Pairs) -> Tensor {
        let anchors = self.z.size()[0];
        let number = Tensor::arange(anchors, (Kind::Int64, self.z.device()));
        let partner = number.roll([anchors / 2], [0]);
        // The temperature goes to the small factor, so that the similarities are written once.
        let scaled = &self.z / self.temperature;
        let blocks: Vec<Tensor> = (0..anchors)
            .step_by(ROWS as usize)
            .map(|start| {
                let rows = ROWS.min(anchors - start);
                let column =
                    |of: &Tensor| of.narrow(0, start, rows).unsqueeze(1).eq_tensor(&number);
                let left_out = match pairs {
                    Pairs::All => column(&number),
                    Pairs::Negatives => column(&number).logical_or(&column(&partner)),
                };
                // (rows, 2N), filled in place: one copy is kept for the backward pass.
                let mut similarities = scaled.narrow(0, start, rows).matmul(&self.z.tr());
                let similarities = similarities.masked_fill_(&left_out, f64::NEG_INFINITY);
                similarities.logsumexp([1i64].as_slice(), false)
            })
            .collect();
        Tensor::cat(&blocks, 0)
    }
}

fn check_shapes(z1: &Tensor, z2: &Tensor) -> Result<()> {
    let (found, other) = (z1.size(), z2.size());
    let problem = |name, found: &[i64], expected: String, hint: &str| {
        Err(Error::Shape { name, found: found.to_vec(), expected, hint: hint.into() })
    };
    if found.len() != 2 || found[1] == 0 {
        return problem("z1", &found, "(N, D)".into(), "Give one row of D numbers for each image.");
    }
    if other != found {
        let expected = format!("{found:?} like z1");
        return problem("z2", &other, expected, "Both views come from the same N images.");
    }
    if found[0] < 2 {
        let hint = "With one image there are no negatives: use a batch of at least 2.";
        return problem("z1", &found, "(N, D) with N >= 2".into(), hint);
    }
    Ok(())
}
