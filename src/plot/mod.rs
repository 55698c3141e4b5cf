//! Figures with an inline display and `save(path)`.

mod alt;
mod bar;
mod canvas;
mod chart;
mod encode;
mod heat_map;
mod histogram;
mod image_grid;
mod line;
mod palette;
mod pixels;
mod raster;
mod scale;
mod scatter;

pub use bar::{BarPlot, Bars, mean_and_deviation};
pub use heat_map::{HeatMap, Marks};
pub use histogram::{Histogram, Sample};
pub use image_grid::ImageGrid;
pub use line::{LinePlot, Series, accuracy_figure};
pub use palette::{BLUE, GREEN, GREY, RED};
pub use scale::CLASS_COLORS;
pub use scatter::{Points, ScatterPlot};
