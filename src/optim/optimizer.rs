//! SGD, Adam and AdamW with PyTorch's formulas, and the learning rate of every step.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn::VarStore};

use crate::{Error, Result};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPS: f64 = 1e-8;

/// The optimizers that nidl offers; [`FromStr`] takes its names in any case.
///
/// ```
/// use twoviews::optim::OptimizerKind;
/// assert_eq!("adamW".parse::<OptimizerKind>()?, OptimizerKind::AdamW);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OptimizerKind {
    /// Gradient descent without momentum.
    Sgd,
    /// Adam; weight decay is added to the gradient.
    Adam,
    /// AdamW; weight decay is applied to the weights.
    AdamW,
}

impl FromStr for OptimizerKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "sgd" => Ok(Self::Sgd),
            "adam" => Ok(Self::Adam),
            "adamw" => Ok(Self::AdamW),
            _ => {
                let hint = "These are nidl's names, in any case.";
                Err(Error::parameter("optimizer", format!("{name:?}"), "sgd, adam or adamW", hint))
            }
        }
    }
}

/// What an optimizer is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OptimizerSettings {
    pub(crate) kind: OptimizerKind,
    pub(crate) weight_decay: f64,
    /// No weight decay on tensors of one dimension or less.
    pub(crate) exclude_bias_and_norm_wd: bool,
}

impl OptimizerSettings {
    /// The weight decay of `tensor`. Biases and batch norm have one dimension; decaying them does no good.
    fn decay_of(self, tensor: &Tensor) -> f64 {
        if self.exclude_bias_and_norm_wd && tensor.dim() <= 1 { 0.0 } else { self.weight_decay }
    }
}

/// An optimizer whose state is plain tensors, so that a run can be saved and taken up again, which
/// tch's own optimizers do not allow.
pub(crate) struct Optimizer {
    settings: OptimizerSettings,
    parameters: Vec<Parameter>,
    steps: i32,
}

struct Parameter {
    name: String,
    tensor: Tensor,
    /// Running means of the gradient and of its square; SGD has none.
    moments: Option<[Tensor; 2]>,
}

impl Optimizer {
    /// An optimizer of all trainable variables, in the order of their names.
    pub(crate) fn new(settings: OptimizerSettings, variables: &VarStore) -> Self {
        let mut named: Vec<(String, Tensor)> = variables.variables().into_iter().collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let parameters = named
            .into_iter()
            .filter(|(_, tensor)| tensor.requires_grad())
            .map(|(name, tensor)| Parameter {
                name,
                moments: (settings.kind != OptimizerKind::Sgd).then(|| {
                    let zeros = || tensor.detach().zeros_like();
                    [zeros(), zeros()]
                }),
                tensor,
            })
            .collect();
        Self { settings, parameters, steps: 0 }
    }

    /// Decays the weights by other settings from now on; the kind of optimizer stays.
    pub(crate) fn change(&mut self, settings: OptimizerSettings) {
        self.settings = OptimizerSettings { kind: self.settings.kind, ..settings };
    }

    /// One step down the gradients of `loss`.
    pub(crate) fn minimize(&mut self, loss: &Tensor, learning_rate: f64) -> Result<()> {
        let tensors: Vec<&Tensor> = self.parameters.iter().map(|p| &p.tensor).collect();
        // Asked for like this, gradients are handed over instead of being added to what was there.
        let gradients = Tensor::f_run_backward(&[loss], &tensors, false, false)?;
        let _guard = tch::no_grad_guard();
        self.steps = self.steps.saturating_add(1);
        for (parameter, gradient) in self.parameters.iter_mut().zip(gradients) {
            if gradient.defined() {
                let decay = self.settings.decay_of(&parameter.tensor);
                parameter.step(gradient, self.settings.kind, learning_rate, decay, self.steps)?;
            }
        }
        Ok(())
    }

    /// Steps taken so far.
    pub(crate) fn steps(&self) -> i32 {
        self.steps
    }

    /// The running means by name, such as `exp_avg.encoder.conv1.weight`; SGD has none.
    pub(crate) fn state_dict(&self) -> BTreeMap<String, Tensor> {
        let mut state = BTreeMap::new();
        for Parameter { name, moments, .. } in &self.parameters {
            for (kind, moment) in MOMENTS.iter().zip(moments.iter().flatten()) {
                state.insert(format!("{kind}.{name}"), moment.shallow_clone());
            }
        }
        state
    }

    /// Takes up `steps` and the running means of a [`state_dict`](Self::state_dict).
    ///
    /// # Errors
    /// The names and shapes that do not fit.
    pub(crate) fn load_state_dict(
        &mut self,
        steps: i32,
        state: &BTreeMap<String, Tensor>,
    ) -> Result<()> {
        let own = self.state_dict();
        let fits = own.len() == state.len()
            && own.iter().all(|(name, tensor)| {
                state.get(name).is_some_and(|found| found.size() == tensor.size())
            });
        if !fits {
            let hint = "Take up the run with the checkpoint's own configuration.";
            let found = format!("{} tensors", state.len());
            let allowed = "the running means of this model's parameters";
            return Err(Error::parameter("optimizer state", found, allowed, hint));
        }
        let _guard = tch::no_grad_guard();
        for (name, mut tensor) in own {
            tensor.f_copy_(&state[&name])?;
        }
        self.steps = steps;
        Ok(())
    }
}

/// PyTorch's names of the running means.
const MOMENTS: [&str; 2] = ["exp_avg", "exp_avg_sq"];

impl Parameter {
    fn step(
        &mut self,
        mut gradient: Tensor,
        kind: OptimizerKind,
        rate: f64,
        decay: f64,
        steps: i32,
    ) -> Result<()> {
        if decay > 0.0 {
            if kind == OptimizerKind::Adam {
                gradient = gradient.f_add(&self.tensor.f_detach()?.f_mul_scalar(decay)?)?;
            } else {
                // For SGD w - rate (g + decay w), without a copy of the weights.
                let _ = self.tensor.f_mul_scalar_(1.0 - rate * decay)?;
            }
        }
        let Some([mean, square]) = &mut self.moments else {
            // One pass: the rate is a tensor without dimensions.
            let options = (gradient.kind(), gradient.device());
            let _ = self.tensor.f_addcmul_(&gradient, &Tensor::f_full([], -rate, options)?)?;
            return Ok(());
        };
        let _ = mean.f_lerp_(&gradient, 1.0 - BETA_1)?;
        let _ = square.f_lerp_(&gradient.f_square_()?, 1.0 - BETA_2)?;
        let corrected =
            square.f_div_scalar(1.0 - BETA_2.powi(steps))?.f_sqrt_()?.f_add_scalar_(EPS)?;
        let scale = -rate / (1.0 - BETA_1.powi(steps));
        let _ = self.tensor.f_addcdiv_(&mean.f_mul_scalar(scale)?, &corrected)?;
        Ok(())
    }
}

/// How the learning rate changes from step to step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LrScheduler {
    /// The learning rate stays as it is.
    Constant,
    /// Linear warm-up, then a cosine to zero.
    WarmupCosine {
        /// Epochs of linear warm-up from `warmup_start_lr`.
        warmup_epochs: usize,
        /// Learning rate of the first step.
        warmup_start_lr: f64,
    },
}

/// The learning rate of `step` (counted from 0) in a run of `steps`, of which an epoch has
/// `steps_per_epoch`.
///
/// With W warm-up steps and T steps in all: start + (base - start) step / (W - 1) while step < W,
/// then base (1 + cos(pi (step - W) / (T - W))) / 2, nidl's `warmup_cosine`. A warm-up longer
/// than the run simply does not end.
///
/// ```
/// use twoviews::optim::{LrScheduler, learning_rate};
/// let schedule = LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr: 0.0 };
/// let rates: Vec<f64> = (0..6).map(|s| learning_rate(&schedule, 1.0, s, 3, 6)).collect();
/// assert_eq!(rates[..4], [0.0, 0.5, 1.0, 1.0]);
/// assert!((rates[4] - 0.75).abs() < 1e-12 && (rates[5] - 0.25).abs() < 1e-12);
/// ```
pub fn learning_rate(
    schedule: &LrScheduler,
    base: f64,
    step: usize,
    steps_per_epoch: usize,
    steps: usize,
) -> f64 {
    let LrScheduler::WarmupCosine { warmup_epochs, warmup_start_lr } = *schedule else {
        return base;
    };
    let warmup = warmup_epochs.saturating_mul(steps_per_epoch);
    if step < warmup {
        let climbed = if warmup > 1 { step as f64 / (warmup - 1) as f64 } else { 0.0 };
        return warmup_start_lr + (base - warmup_start_lr) * climbed;
    }
    let done = (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
    0.5 * base * (1.0 + (PI * done).cos())
}
