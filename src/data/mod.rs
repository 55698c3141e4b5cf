//! Images in memory: data sets, subsets and loaders.

mod dataset;
mod views;

pub use dataset::{Image, ImageDataset, Subset};
pub use views::{ViewsBatch, ViewsLoader};
