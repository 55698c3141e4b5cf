//! Names at their former places, for one version.

/// What was in `models` and is in [`estimator`](crate::estimator) or [`encode`](crate::encode).
pub mod models {
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type DCL = crate::estimator::DCL;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type DCLConfig = crate::estimator::DCLConfig;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type DCLW = crate::estimator::DCLW;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type Estimator<L> = crate::estimator::Estimator<L>;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type SimCLR = crate::estimator::SimCLR;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type SimCLRConfig = crate::estimator::SimCLRConfig;
    /// Moved to `twoviews::encode`.
    #[deprecated(note = "moved to twoviews::encode")]
    pub type InferenceEncoder = crate::encode::InferenceEncoder;
    /// Moved to `twoviews::encode`.
    #[deprecated(note = "moved to twoviews::encode")]
    pub type Precision = crate::encode::Precision;
}

/// What was in `train` and is in [`estimator`](crate::estimator), [`models`](crate::models) or
/// [`optim`](crate::optim).
pub mod train {
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type Checkpoints = crate::estimator::Checkpoints;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type ContrastiveConfig = crate::estimator::ContrastiveConfig;
    /// Moved to `twoviews::models`.
    #[deprecated(note = "moved to twoviews::models")]
    pub type EncoderKind = crate::models::EncoderKind;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type FitOptions = crate::estimator::FitOptions;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type History = crate::estimator::History;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type Hook = crate::estimator::Hook;
    /// Moved to `twoviews::optim`.
    #[deprecated(note = "moved to twoviews::optim")]
    pub type LrScheduler = crate::optim::LrScheduler;
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type OnlineKnn = crate::estimator::OnlineKnn;
    /// Moved to `twoviews::optim`.
    #[deprecated(note = "moved to twoviews::optim")]
    pub type OptimizerKind = crate::optim::OptimizerKind;
    /// Moved to `twoviews::optim`.
    #[deprecated(note = "moved to twoviews::optim")]
    pub fn learning_rate(
        schedule: &crate::optim::LrScheduler,
        base: f64,
        step: usize,
        steps_per_epoch: usize,
        steps: usize,
    ) -> f64 {
        crate::optim::learning_rate(schedule, base, step, steps_per_epoch, steps)
    }
}

/// What was in `weights` and is in [`estimator`](crate::estimator).
pub mod weights {
    /// Moved to `twoviews::estimator`.
    #[deprecated(note = "moved to twoviews::estimator")]
    pub type Weights = crate::estimator::Weights;
}
