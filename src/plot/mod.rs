//! Figures with an inline display and `save(path)`.

mod canvas;
mod image_grid;
mod line;

pub use image_grid::ImageGrid;
pub use line::{BLUE, GREEN, LinePlot, RED, Series, accuracy_figure};
