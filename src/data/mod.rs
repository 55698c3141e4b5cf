//! Images in memory: data sets, subsets and loaders.

mod dataset;
mod shapes10;
mod views;

pub use dataset::{Image, ImageDataset, Subset};
pub use shapes10::{Palette, SHAPES10_CLASSES, SHAPES10_SIZE, Shapes10};
pub use views::{ViewsBatch, ViewsLoader};
