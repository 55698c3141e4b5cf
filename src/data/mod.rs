//! Images in memory: data sets, subsets and loaders.

mod archive;
mod batches;
mod cifar10;
mod dataset;
pub(crate) mod download;
mod loader;
mod multi_views_loader;
mod records;
mod shapes10;
mod views;

pub use cifar10::{CIFAR10_CLASSES, CIFAR10_MD5, CIFAR10_URL, Cifar10, Cifar10Config};
pub(crate) use dataset::check_pixels;
pub use dataset::{Image, ImageDataset, Subset};
pub use download::{download, md5_of};
pub(crate) use loader::labelled_rows;
pub use loader::{Batch, Batches, DataLoader};
pub use multi_views_loader::{MultiViewsLoader, MultiViewsLoaderConfig};
pub use shapes10::{Palette, SHAPES10_CLASSES, SHAPES10_SIZE, Shapes10};
pub use views::{ViewsBatch, ViewsLoader};
