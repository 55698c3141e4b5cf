//! Bars in groups: accuracies of several encoders, measured in several ways.

use std::fmt;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::alt;
use super::canvas::{Draw, figure_methods, is_drawable, is_drawable_range};
use super::chart::{DrawResult, axes, draw_baselines, draw_legend, text, text_at};
use super::palette::{INK, RIM};
use crate::{Error, Result};

/// Share of a group's width that its bars fill.
const FILLED: f64 = 0.8;

/// The bars of one colour, one in each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Their name in the legend.
    pub label: String,
    /// Their colour.
    pub color: RGBColor,
    /// Height of the bar in each group.
    pub heights: Vec<f64>,
    /// Half the height of the error bar in each group, or nothing.
    pub errors: Vec<f64>,
}

impl Bars {
    /// Bars of mean height with an error bar of one standard deviation, from repeated measurements
    /// in each group.
    ///
    /// With n measurements the deviation divides by n - 1; a single one has no error bar.
    pub fn of_samples(label: &str, color: RGBColor, groups: &[Vec<f64>]) -> Self {
        let (heights, errors) = groups.iter().map(|samples| mean_and_deviation(samples)).unzip();
        Self { label: label.to_owned(), color, heights, errors }
    }
}

/// Mean and standard deviation (dividing by n - 1) of measurements; 0 for the deviation of one.
///
/// ```
/// use twoviews::plot::mean_and_deviation;
/// assert_eq!(mean_and_deviation(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
/// assert_eq!(mean_and_deviation(&[5.0]), (5.0, 0.0));
/// ```
pub fn mean_and_deviation(samples: &[f64]) -> (f64, f64) {
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    let degrees = samples.len().saturating_sub(1).max(1);
    (mean, (squares / degrees as f64).sqrt())
}

/// A figure of bars in groups.
///
/// ```
/// use twoviews::plot::{BLUE, BarPlot, Bars};
/// let mut figure = BarPlot::new("Linear probe", "Accuracy", &["SimCLR", "DCL"]);
/// figure.bars.push(Bars::of_samples("batch 32", BLUE, &[vec![0.70, 0.72], vec![0.74, 0.75]]));
/// assert!(figure.to_svg()?.contains("SimCLR"));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct BarPlot {
    /// Title.
    pub title: String,
    /// Label of the y axis.
    pub y_label: String,
    /// Names of the groups, from left to right.
    pub groups: Vec<String>,
    /// The bars.
    pub bars: Vec<Bars>,
    /// Horizontal dashed lines: label and height.
    pub baselines: Vec<(String, f64)>,
    /// Lowest and highest y; the default is 0 to 1.
    pub y_range: (f64, f64),
    /// Width and height in pixels.
    pub size: (u32, u32),
}

impl BarPlot {
    /// An empty figure of 640 x 420 pixels with these groups.
    pub fn new(title: &str, y_label: &str, groups: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            y_label: y_label.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            bars: Vec::new(),
            baselines: Vec::new(),
            y_range: (0.0, 1.0),
            size: (640, 420),
        }
    }

    /// Where the bar `series` of `group` begins and ends.
    fn sides(&self, group: usize, series: usize) -> (f64, f64) {
        let width = FILLED / self.bars.len() as f64;
        let left = group as f64 - FILLED / 2.0 + series as f64 * width;
        (left, left + width)
    }
}

figure_methods!(BarPlot);

impl fmt::Debug for BarPlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BarPlot({:?}, {} groups)", self.title, self.groups.len())
    }
}

impl Draw for BarPlot {
    const FIGURE: &'static str = "bar plot";

    fn check(&self) -> Result<()> {
        let problem = |problem: String| Err(Error::Plot { figure: Self::FIGURE, problem });
        if self.bars.is_empty() || self.groups.is_empty() {
            return problem("there is no bar: name the groups and push Bars".into());
        }
        let (low, high) = self.y_range;
        if !is_drawable_range(low, high) {
            return problem(format!("its y_range is ({low}, {high}): choose low < high"));
        }
        if let Some((label, height)) = self.baselines.iter().find(|(_, y)| !is_drawable(*y)) {
            return problem(format!("the baseline {label} is at {height}: remove it"));
        }
        for Bars { label, heights, errors, .. } in &self.bars {
            let (groups, bars) = (self.groups.len(), heights.len());
            if bars != groups || !(errors.is_empty() || errors.len() == groups) {
                return problem(format!(
                    "{label} has {bars} heights and {} error bars for {groups} groups: give one \
                     height for each group, and one error bar for each or none",
                    errors.len()
                ));
            }
            if let Some(value) = heights.iter().chain(errors).find(|v| !is_drawable(**v)) {
                return problem(format!("{label} has the value {value}: remove it"));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn describe(&self) -> String {
        let mut text = alt::head(Self::FIGURE, &self.title, &alt::label(&self.y_label));
        let empty = String::new();
        for Bars { label, heights, errors, .. } in &self.bars {
            let bars: Vec<_> = heights.iter().zip(0..).collect();
            let bar = |&(&height, group): &(&f64, usize)| {
                let name = alt::label(self.groups.get(group).unwrap_or(&empty));
                let error = errors.get(group).filter(|&&error| error > 0.0);
                let error = error.map(|&e| format!(" \u{b1} {}", alt::number(e)));
                format!("{name} {}{}", alt::number(height), error.unwrap_or_default())
            };
            text += &format!(" {}: {}.", alt::label(label), alt::listed(&bars, bar, "bars"));
        }
        text + &alt::baselines(&self.baselines)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let right = self.groups.len() as f64 - 0.5;
        // Room for the baselines' labels beside the bars.
        let left = if self.baselines.is_empty() { -0.5 } else { -0.95 };
        let (low, high) = self.y_range;
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption(&self.title, text(16))
            .x_label_area_size(30)
            .y_label_area_size(60)
            .build_cartesian_2d(left..right, low..high)?;
        axes(&mut chart)
            .disable_x_mesh()
            // With room for one more label than there are groups, the ticks are whole numbers.
            .x_labels(self.groups.len() + 1)
            .x_label_formatter(&|x| self.groups.get(*x as usize).cloned().unwrap_or_default())
            .y_desc(&self.y_label)
            .draw()?;
        for (series, bars) in self.bars.iter().enumerate() {
            let color = bars.color;
            let rectangles = bars.heights.iter().enumerate().map(|(group, &height)| {
                let (left, right) = self.sides(group, series);
                Rectangle::new([(left, low.max(0.0)), (right, height)], color.filled())
            });
            chart.draw_series(rectangles)?.label(&bars.label).legend(move |(x, y)| {
                Rectangle::new([(x, y - 5), (x + 14, y + 5)], color.filled())
            });
            for (group, &height) in bars.heights.iter().enumerate() {
                let (left, right) = self.sides(group, series);
                let middle = (left + right) / 2.0;
                let error = bars.errors.get(group).copied().unwrap_or(0.0);
                if error > 0.0 {
                    let (down, up) = (height - error, height + error);
                    // Seen on the bar and above it.
                    for style in [RIM.stroke_width(4), INK.stroke_width(1)] {
                        chart.draw_series([ErrorBar::new_vertical(
                            middle,
                            down,
                            height,
                            up,
                            style.filled(),
                            8,
                        )])?;
                    }
                }
                let style = text_at(12, HPos::Center, VPos::Bottom);
                let above = height + error + 0.012 * (high - low);
                chart.draw_series([Text::new(format!("{height:.2}"), (middle, above), style)])?;
            }
        }
        draw_baselines(&mut chart, &self.baselines, left + 0.03)?;
        draw_legend(&mut chart, SeriesLabelPosition::UpperLeft)
    }
}
