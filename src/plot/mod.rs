//! Figures with an inline display and `save(path)`.

mod alt;
mod bar;
mod canvas;
mod chart;
mod heat_map;
mod histogram;
mod image_grid;
mod line;
mod palette;
mod raster;
mod scatter;

pub use bar::{BarPlot, Bars, mean_and_deviation};
pub use heat_map::{HeatMap, Marks};
pub use histogram::{Histogram, Sample};
pub use image_grid::ImageGrid;
pub use line::{BLUE, GREEN, GREY, LinePlot, RED, Series, accuracy_figure};
pub use palette::CLASS_COLORS;
pub use scatter::{Points, ScatterPlot};
