//! Figures with an inline display and `save(path)`.

mod alt;
mod bar;
mod canvas;
mod chart;
mod image_grid;
mod line;

pub use bar::{BarPlot, Bars, mean_and_deviation};
pub use image_grid::ImageGrid;
pub use line::{BLUE, GREEN, GREY, LinePlot, RED, Series, accuracy_figure};
