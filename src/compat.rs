//! Names at their former places, for one version.

macro_rules! moved {
    ($place:ident, $note:literal, $($name:ident $(<$generic:ident>)?),* $(,)?) => {$(
        #[doc = $note]
        #[deprecated(note = $note)]
        pub type $name $(<$generic>)? = crate::$place::$name $(<$generic>)?;
    )*};
}

/// What was in `data` and is in [`loaders`](crate::loaders).
pub mod data {
    moved!(
        loaders,
        "moved to twoviews::loaders",
        Batch,
        Batches,
        DataLoader,
        MultiViewsLoader,
        MultiViewsLoaderConfig,
        ViewsBatch
    );
    // A trait has no alias that warns.
    pub use crate::loaders::ViewsLoader;
}

/// What was in `models` and is in [`estimator`](crate::estimator) or [`encode`](crate::encode).
pub mod models {
    moved!(
        estimator,
        "moved to twoviews::estimator",
        DCL,
        DCLConfig,
        DCLW,
        Estimator<L>,
        SimCLR,
        SimCLRConfig
    );
    moved!(encode, "moved to twoviews::encode", InferenceEncoder, Precision);
}

/// What was in `train` and is in [`estimator`](crate::estimator), [`models`](crate::models) or
/// [`optim`](crate::optim).
pub mod train {
    moved!(
        estimator,
        "moved to twoviews::estimator",
        Checkpoints,
        ContrastiveConfig,
        FitOptions,
        History,
        Hook,
        OnlineKnn
    );
    moved!(models, "moved to twoviews::models", EncoderKind);
    moved!(optim, "moved to twoviews::optim", LrScheduler, OptimizerKind);

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
    moved!(estimator, "moved to twoviews::estimator", Weights);
}
