//! What happened while a model trained, as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Losses, rates and times of a run, from its first step on, also when it was taken up again.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Loss of every step.
    pub losses: Vec<f64>,
    /// Learning rate of every step.
    pub learning_rates: Vec<f64>,
    /// Mean loss of every finished epoch.
    pub epoch_losses: Vec<f64>,
    /// Mean loss on the validation loader after every finished epoch; empty without one.
    pub validation_losses: Vec<f64>,
    /// Accuracy of the online probe: (finished epochs, accuracy); empty without one.
    pub knn_accuracies: Vec<(usize, f64)>,
    /// Images seen, each counted once an epoch.
    pub images: usize,
    /// Seconds of training, loading included; validation, probe and checkpoints are not counted.
    pub seconds: f64,
    /// Whether the user stopped the run; the model keeps what it has learnt.
    pub interrupted: bool,
}

impl History {
    /// Images a second, loading included.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// The points (epoch, mean loss) of a loss curve.
    pub fn loss_curve(&self) -> Vec<(f64, f64)> {
        (1..).map(f64::from).zip(self.epoch_losses.iter().copied()).collect()
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps in {:.1} s", self.losses.len(), self.seconds)?;
        if let (Some(first), Some(last)) = (self.epoch_losses.first(), self.epoch_losses.last()) {
            write!(f, ", mean loss of an epoch from {first:.4} to {last:.4}")?;
        }
        if let Some((epoch, accuracy)) = self.knn_accuracies.last() {
            write!(f, ", kNN {accuracy:.4} after epoch {epoch}")?;
        }
        if self.interrupted { f.write_str(", interrupted") } else { Ok(()) }
    }
}
