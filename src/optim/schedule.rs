//! The learning rate of every step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

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
