//! Lines with points: accuracies, losses, learning rates.

use std::fmt;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::alt;
use super::canvas::{Draw, figure_methods, is_drawable, is_drawable_range};
use super::chart::{
    DrawResult, axes, draw_baselines, draw_legend, draw_line, extent, text, title_size,
};
use super::palette::{BLUE, GREEN};
use crate::{Error, Result};

/// Points joined by a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend; without one it is not listed there.
    pub label: String,
    /// Its colour.
    pub color: RGBColor,
    /// (x, y)
    pub points: Vec<(f64, f64)>,
    /// Half the height of an error bar at each point, or nothing.
    pub errors: Vec<f64>,
    /// Whether the points are marked.
    pub markers: bool,
}

impl Series {
    /// A line with marked points and without error bars.
    pub fn new(label: &str, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.to_owned(), color, points, errors: Vec::new(), markers: true }
    }
}

/// A figure of lines.
///
/// ```
/// use twoviews::plot::{BLUE, LinePlot, Series};
/// let mut figure = LinePlot::new("Loss", "Step", "InfoNCE");
/// figure.series.push(Series::new("simclr", BLUE, vec![(0., 4.), (1., 3.)]));
/// assert!(figure.to_svg()?.contains("simclr"));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct LinePlot {
    /// Title.
    pub title: String,
    /// Label of the x axis.
    pub x_label: String,
    /// Label of the y axis.
    pub y_label: String,
    /// The lines.
    pub series: Vec<Series>,
    /// Horizontal dashed lines: label and height.
    pub baselines: Vec<(String, f64)>,
    /// Lowest and highest y when all points fit; the axis grows where they do not. `None` fits it
    /// to the points.
    pub y_range: Option<(f64, f64)>,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

impl LinePlot {
    /// An empty figure of 640 x 420 pixels.
    pub fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: x_label.to_owned(),
            y_label: y_label.to_owned(),
            series: Vec::new(),
            baselines: Vec::new(),
            y_range: None,
            size: (640, 420),
        }
    }

    /// The lines under their names; one without a name belongs to the last one of its colour that has
    /// one, as a reader of the legend sees it.
    fn lines(&self) -> Vec<(&str, Vec<&Series>)> {
        let mut named: Vec<(&str, Vec<&Series>)> = Vec::new();
        for series in &self.series {
            let of_color = |(_, lines): &&mut (&str, Vec<&Series>)| lines[0].color == series.color;
            match named.iter_mut().rfind(of_color) {
                Some((name, lines)) if series.label.is_empty() || series.label == *name => {
                    lines.push(series);
                }
                _ => named.push((&series.label, vec![series])),
            }
        }
        named
    }

    /// Lowest and highest value on each axis.
    fn ranges(&self) -> ((f64, f64), (f64, f64)) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = extent(points().map(|p| p.0));
        let bars = self.series.iter().flat_map(|series| {
            series.points.iter().zip(&series.errors).flat_map(|(p, e)| [p.1 - e, p.1 + e])
        });
        let y = extent(points().map(|p| p.1).chain(bars).chain(self.baselines.iter().map(|b| b.1)));
        let (low, high) = self.y_range.unwrap_or(y);
        // Of equal heights, too; of large ones so much that the ticks differ.
        let least = 1e-9_f64.max(1e-7 * y.0.abs().max(y.1.abs()));
        let margin = 0.05 * (y.1.max(high) - y.0.min(low)).max(least);
        let y = match self.y_range {
            Some((low, high)) => (
                if y.0 < low { y.0 - margin } else { low },
                if y.1 > high { y.1 + margin } else { high },
            ),
            None => (y.0 - margin, y.1 + margin),
        };
        // A single point stands in the middle of an axis with distinct ticks.
        let margin = if x.1 > x.0 { 0.04 * (x.1 - x.0) } else { 1.0 };
        let margin = margin.max(1e-8 * x.0.abs().max(x.1.abs()));
        ((x.0 - margin, x.1 + margin), y)
    }
}

figure_methods!(LinePlot);

impl fmt::Debug for LinePlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinePlot({:?}, {} series)", self.title, self.series.len())
    }
}

impl Draw for LinePlot {
    const FIGURE: &'static str = "line plot";

    fn check(&self) -> Result<()> {
        let problem = |problem: String| Err(Error::Plot { figure: Self::FIGURE, problem });
        if self.series.iter().all(|series| series.points.is_empty()) {
            return problem("there is no point: push a Series with at least one".into());
        }
        if let Some((low, high)) = self.y_range
            && !is_drawable_range(low, high)
        {
            return problem(format!("its y_range is ({low}, {high}): choose low < high"));
        }
        if let Some((label, height)) = self.baselines.iter().find(|(_, y)| !is_drawable(*y)) {
            return problem(format!("the baseline {label} is at {height}: remove it"));
        }
        for series in &self.series {
            if let Some(&(x, y)) =
                series.points.iter().find(|(x, y)| !(is_drawable(*x) && is_drawable(*y)))
            {
                return problem(format!("{} has the point ({x}, {y}): remove it", series.label));
            }
            if let Some(error) = series.errors.iter().find(|error| !is_drawable(**error)) {
                return problem(format!("{} has the error bar {error}: remove it", series.label));
            }
            if !series.errors.is_empty() && series.errors.len() != series.points.len() {
                return problem(format!(
                    "{} has {} points and {} error bars: give one for each point, or none",
                    series.label,
                    series.points.len(),
                    series.errors.len()
                ));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn describe(&self) -> String {
        let axes = alt::axes(&self.x_label, &self.y_label);
        let mut text = alt::head(Self::FIGURE, &self.title, &axes);
        for (name, lines) in self.lines() {
            let name = if name.is_empty() { "Without a name".to_owned() } else { alt::label(name) };
            let count =
                if lines.len() > 1 { format!(", {} lines", lines.len()) } else { String::new() };
            let lines = alt::listed(&lines, |line| alt::course(&line.points), "lines");
            text += &format!(" {name}{count}: {lines}.");
        }
        text + &alt::baselines(&self.baselines)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (x, y) = self.ranges();
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption(&self.title, text(title_size(&self.title, self.size.0)))
            .x_label_area_size(42)
            .y_label_area_size(60)
            .build_cartesian_2d(x.0..x.1, y.0..y.1)?;
        axes(&mut chart).x_desc(&self.x_label).y_desc(&self.y_label).draw()?;
        draw_baselines(&mut chart, &self.baselines, x.0 + 0.01 * (x.1 - x.0))?;
        for series in &self.series {
            let color = series.color;
            draw_line(&mut chart, &series.label, color, series.points.iter().copied())?;
            if series.markers {
                chart.draw_series(
                    series.points.iter().map(|&point| Circle::new(point, 4, color.filled())),
                )?;
            }
            chart.draw_series(series.points.iter().zip(&series.errors).map(|(&(x, y), &e)| {
                ErrorBar::new_vertical(x, y - e, y, y + e, color.filled(), 8)
            }))?;
        }
        draw_legend(&mut chart, SeriesLabelPosition::UpperRight)
    }
}

/// The tutorial's figure: accuracy on CIFAR-10 against the batch size, SimCLR blue, DCL green.
///
/// The y axis runs from 0.5 to 0.8, and further where a point lies outside. `note`, if not empty,
/// follows the title: it says that weights are stand-ins, for example.
pub fn accuracy_figure(simclr: &[(usize, f64)], dcl: &[(usize, f64)], note: &str) -> LinePlot {
    let points = |series: &[(usize, f64)]| series.iter().map(|&(b, a)| (b as f64, a)).collect();
    let mut title = "DCL vs SimCLR comparison on predicting CIFAR10 labels.".to_owned();
    if !note.is_empty() {
        title += &format!(" ({note})");
    }
    LinePlot {
        series: vec![
            Series::new("simclr", BLUE, points(simclr)),
            Series::new("dcl", GREEN, points(dcl)),
        ],
        y_range: Some((0.5, 0.8)),
        ..LinePlot::new(&title, "Batch size", "Accuracy on CIFAR10")
    }
}
