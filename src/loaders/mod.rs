//! Images as batches of tensors, prepared ahead by worker threads.

mod data_loader;
mod multi_views_loader;
mod prefetch;
mod views;

pub(crate) use data_loader::labelled_rows;
pub use data_loader::{Batch, Batches, DataLoader};
pub use multi_views_loader::{MultiViewsLoader, MultiViewsLoaderConfig};
pub use views::{ViewsBatch, ViewsLoader};
