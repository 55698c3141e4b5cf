//! Names at their former places, for one version.

/// What was in `data` and is in [`loaders`](crate::loaders).
pub mod data {
    /// Moved to `twoviews::loaders`.
    #[deprecated(note = "moved to twoviews::loaders")]
    pub type Batch = crate::loaders::Batch;
    /// Moved to `twoviews::loaders`.
    #[deprecated(note = "moved to twoviews::loaders")]
    pub type Batches = crate::loaders::Batches;
    /// Moved to `twoviews::loaders`.
    #[deprecated(note = "moved to twoviews::loaders")]
    pub type DataLoader = crate::loaders::DataLoader;
    /// Moved to `twoviews::loaders`.
    #[deprecated(note = "moved to twoviews::loaders")]
    pub type MultiViewsLoader = crate::loaders::MultiViewsLoader;
    /// Moved to `twoviews::loaders`.
    #[deprecated(note = "moved to twoviews::loaders")]
    pub type MultiViewsLoaderConfig = crate::loaders::MultiViewsLoaderConfig;
    /// Moved to `twoviews::loaders`.
    #[deprecated(note = "moved to twoviews::loaders")]
    pub type ViewsBatch = crate::loaders::ViewsBatch;
    // A trait has no alias that warns.
    pub use crate::loaders::ViewsLoader;
}
