//! The projection head: from features h to embeddings z.

use tch::Tensor;
use tch::nn::{self, Module};

use super::resnet::linear;

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
    pub fn new(path: &nn::Path<'_>, input: i64, hidden: i64, output: i64) -> Self {
        let layers = path / "layers";
        Self {
            first: linear(&layers / 0, input, hidden),
            second: linear(&layers / 2, hidden, output),
        }
    }

    /// z (B, output) of h (B, input).
    pub fn forward(&self, h: &Tensor) -> Tensor {
        self.second.forward(&self.first.forward(h).relu())
    }
}
