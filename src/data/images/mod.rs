//! Images, data sets of labelled images, and selections of them.

mod dataset;
mod image;
mod subset;

pub use dataset::ImageDataset;
pub use image::Image;
pub(crate) use image::check_pixels;
pub use subset::Subset;
