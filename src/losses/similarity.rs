//! What the losses share: all similarities of a batch by one matrix product.

use tch::{Kind, Tensor};

use crate::{Error, Result};

/// Similarities of a batch, divided by the temperature.
pub(super) struct Similarities {
    /// s_i of every anchor, (2N)
    pub positives: Tensor,
    /// Every pair of embeddings, (2N, 2N), with -inf where an embedding meets itself
    pub pairs: Tensor,
}

impl Similarities {
    /// Normalises both views and multiplies every embedding with every other.
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
        let itself = Tensor::eye(2 * n, (Kind::Bool, z.device()));
        // The temperature goes to the small factor, so that (2N, 2N) is written once.
        let pairs = (&z / temperature).matmul(&z.tr()).masked_fill(&itself, f64::NEG_INFINITY);
        Ok(Self { positives: Tensor::cat(&[&positives, &positives], 0), pairs })
    }

    /// The pairs without the positives: only the 2(N-1) negatives of every anchor are left.
    pub(super) fn negatives(&self) -> Tensor {
        let anchors = self.pairs.size()[0];
        let partner =
            Tensor::eye(anchors, (Kind::Bool, self.pairs.device())).roll([anchors / 2], [1]);
        self.pairs.masked_fill(&partner, f64::NEG_INFINITY)
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
