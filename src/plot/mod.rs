//! Figures with an inline display and `save(path)`.

mod alt;
mod bar;
mod canvas;
mod chart;
mod encode;
mod image_grid;
mod line;
mod palette;
mod pixels;

pub use bar::{BarPlot, Bars, mean_and_deviation};
pub use image_grid::ImageGrid;
pub use line::{LinePlot, Series, accuracy_figure};
pub use palette::{BLUE, GREEN, GREY, RED};
