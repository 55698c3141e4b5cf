//! The projection head: from features h to embeddings z.

use tch::Tensor;
use tch::nn;

use super::layers::{check_width, linear};
use crate::tensor_input::float_kind;
use crate::{Error, Result};

/// Two linear layers with a ReLU between: z = W2 max(W1 h + b1, 0) + b2.
///
/// SimCLR (Chen et al., ICML 2020), section 2.1; only training uses it, the probe sees h.
#[derive(Debug)]
pub struct ProjectionHead {
    first: nn::Linear,
    second: nn::Linear,
}

impl ProjectionHead {
    /// A head of `input` -> `hidden` -> `output` under the names `layers.0` and `layers.2`.
    ///
    /// # Errors
    /// If a width is outside 1 to 16,384, or libtorch has no memory for the weights.
    pub fn new(path: &nn::Path<'_>, input: i64, hidden: i64, output: i64) -> Result<Self> {
        for (name, width) in [("input", input), ("hidden", hidden), ("output", output)] {
            check_width(name, width)?;
        }
        let layers = path / "layers";
        Ok(Self {
            first: linear(&(&layers / 0), input, hidden)?,
            second: linear(&(&layers / 2), hidden, output)?,
        })
    }

    /// z (B, output) of h (B, input).
    ///
    /// # Errors
    /// If h has another width or kind than the weights.
    pub fn forward(&self, h: &Tensor) -> Result<Tensor> {
        float_kind("h", h)?;
        let (size, input) = (h.size(), self.first.ws.size()[1]);
        if size.len() != 2 || size[1] != input {
            let expected = format!("(B, {input})");
            let hint = "Give the features of the encoder that this head belongs to.".into();
            return Err(Error::Shape { name: "h", found: size, expected, hint });
        }
        let hidden = h.f_linear(&self.first.ws, self.first.bs.as_ref())?.f_relu()?;
        Ok(hidden.f_linear(&self.second.ws, self.second.bs.as_ref())?)
    }
}
