//! SGD, Adam and AdamW with PyTorch's formulas.

use tch::{Tensor, nn::VarStore};

use super::{ContrastiveConfig, OptimizerKind};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPS: f64 = 1e-8;

/// An optimizer whose state is plain tensors, so that a run can be saved and taken up again, which
/// tch's own optimizers do not allow.
pub(super) struct Optimizer {
    kind: OptimizerKind,
    weight_decay: f64,
    parameters: Vec<Parameter>,
    steps: i32,
}

struct Parameter {
    tensor: Tensor,
    decays: bool,
    /// Running means of the gradient and of its square; SGD has none.
    moments: Option<(Tensor, Tensor)>,
}

impl Optimizer {
    /// An optimizer of all trainable variables, in the order of their names.
    pub(super) fn new(config: &ContrastiveConfig, variables: &VarStore) -> Self {
        let mut named: Vec<(String, Tensor)> = variables.variables().into_iter().collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let parameters = named
            .into_iter()
            .filter(|(_, tensor)| tensor.requires_grad())
            .map(|(_, tensor)| Parameter {
                // Biases and batch norm have one dimension; decaying them does no good.
                decays: !config.exclude_bias_and_norm_wd || tensor.dim() > 1,
                moments: (config.optimizer != OptimizerKind::Sgd).then(|| {
                    let zeros = || tensor.detach().zeros_like();
                    (zeros(), zeros())
                }),
                tensor,
            })
            .collect();
        Self { kind: config.optimizer, weight_decay: config.weight_decay, parameters, steps: 0 }
    }

    /// Forgets the gradients.
    pub(super) fn zero_grad(&mut self) {
        for parameter in &mut self.parameters {
            parameter.tensor.zero_grad();
        }
    }

    /// One step down the gradients.
    pub(super) fn step(&mut self, learning_rate: f64) {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        for parameter in &mut self.parameters {
            let gradient = parameter.tensor.grad();
            if gradient.defined() {
                let decay = if parameter.decays { self.weight_decay } else { 0.0 };
                parameter.step(gradient, self.kind, learning_rate, decay, self.steps);
            }
        }
    }
}

impl Parameter {
    fn step(&mut self, gradient: Tensor, kind: OptimizerKind, rate: f64, decay: f64, steps: i32) {
        let gradient = if decay > 0.0 && kind != OptimizerKind::AdamW {
            gradient + &self.tensor.detach() * decay
        } else {
            gradient
        };
        let Some((mean, square)) = &mut self.moments else {
            let _ = self.tensor.f_add_(&(gradient * -rate));
            return;
        };
        if kind == OptimizerKind::AdamW {
            let _ = self.tensor.g_mul_scalar_(1.0 - rate * decay);
        }
        let _ = mean.lerp_(&gradient, 1.0 - BETA_1);
        let _ = square.lerp_(&(&gradient * &gradient), 1.0 - BETA_2);
        let corrected = (&*square / (1.0 - BETA_2.powi(steps))).sqrt() + EPS;
        let update = &*mean / corrected * (-rate / (1.0 - BETA_1.powi(steps)));
        let _ = self.tensor.f_add_(&update);
    }
}
