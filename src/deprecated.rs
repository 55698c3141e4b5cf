//! The old paths of names that have moved, kept for one version.

macro_rules! moved {
    ($($name:ident $(<$generic:ident>)?: $place:ident),* $(,)?) => {$(
        #[doc = concat!("Has moved to `twoviews::", stringify!($place), "`.")]
        #[deprecated(note = "it has moved: see the CHANGELOG")]
        pub type $name $(<$generic>)? = crate::$place::$name $(<$generic>)?;
    )*};
}

/// What `data` used to hold, too.
pub(crate) mod data {
    moved!(
        Batch: loaders, Batches: loaders, DataLoader: loaders, MultiViewsLoader: loaders,
        MultiViewsLoaderConfig: loaders, ViewsBatch: loaders,
    );
    // A trait has no alias that warns.
    pub use crate::loaders::ViewsLoader;
}

/// What `models` used to hold, too.
pub(crate) mod models {
    moved!(
        DCL: estimator, DCLConfig: estimator, DCLW: estimator, Estimator<L>: estimator,
        SimCLR: estimator, SimCLRConfig: estimator,
        InferenceEncoder: encode, Precision: encode,
    );
}

/// What `weights` used to hold, too.
pub(crate) mod weights {
    /// Has moved to `twoviews::estimator`.
    #[deprecated(note = "use twoviews::estimator::Weights")]
    pub type Weights = crate::estimator::Weights;
}
