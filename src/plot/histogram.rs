//! How numbers are distributed.

use std::fmt;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::alt;
use super::canvas::{Draw, figure_methods, is_drawable, is_drawable_range};
use super::chart::{
    DrawResult, axes, draw_legend, draw_line, legend_height, range_of, text, title_size,
};
use crate::{Error, Result};

const MARGIN: u32 = 12;
/// Height of ticks and label of the axis.
const X_LABELS: u32 = 42;

/// The numbers of one colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Their name in the legend.
    pub label: String,
    /// Their colour.
    pub color: RGBColor,
    /// The numbers.
    pub values: Vec<f64>,
}

impl Sample {
    /// Numbers under a name.
    pub fn new(label: &str, color: RGBColor, values: Vec<f64>) -> Self {
        Self { label: label.to_owned(), color, values }
    }
}

/// A histogram of one or several samples, each as shares of its own numbers.
///
/// ```
/// use twoviews::plot::{BLUE, Histogram, Sample};
/// let mut figure = Histogram::new("q, Shapes10, seed 1", "q");
/// figure.samples.push(Sample::new("batch 32", BLUE, vec![0.1, 0.2, 0.2, 0.7]));
/// assert!(figure.alt_text().contains("batch 32: 4 values, median 0.2"));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Histogram {
    /// Title: what is shown, of which data and seed.
    pub title: String,
    /// What the numbers are.
    pub x_label: String,
    /// The samples.
    pub samples: Vec<Sample>,
    /// Number of bins, 1 to 500; 40 unless it is set.
    pub bins: usize,
    /// First and last number of the axis; without it, the smallest and the largest value. What lies
    /// outside is not drawn.
    pub range: Option<(f64, f64)>,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

impl Histogram {
    /// An empty figure of 640 x 360 pixels with 40 bins.
    pub fn new(title: &str, x_label: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: x_label.to_owned(),
            samples: Vec::new(),
            bins: 40,
            range: None,
            size: (640, 360),
        }
    }

    fn span(&self) -> (f64, f64) {
        let values = self.samples.iter().flat_map(|sample| sample.values.iter().copied());
        range_of(self.range, values)
    }

    /// Share of a sample's numbers in each bin; the last bin holds its end.
    fn shares(&self, sample: &Sample) -> Vec<f64> {
        let ((low, high), bins) = (self.span(), self.bins.max(1));
        let mut counts = vec![0.0; bins];
        for &value in sample.values.iter().filter(|&&value| (low..=high).contains(&value)) {
            let bin = ((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * bins as f64) as usize;
            counts[bin.min(bins - 1)] += 1.0 / sample.values.len() as f64;
        }
        counts
    }
}

figure_methods!(Histogram);

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({:?}, {} samples)", self.title, self.samples.len())
    }
}

impl Draw for Histogram {
    const FIGURE: &'static str = "histogram";

    fn check(&self) -> Result<()> {
        let problem = |problem: String| Err(Error::Plot { figure: Self::FIGURE, problem });
        if self.samples.iter().all(|sample| sample.values.is_empty()) {
            return problem("there is no number: push a Sample with at least one".into());
        }
        if !(1..=500).contains(&self.bins) {
            return problem(format!("it has {} bins: choose 1 to 500", self.bins));
        }
        if let Some((low, high)) = self.range
            && !is_drawable_range(low, high)
        {
            return problem(format!("its range is ({low}, {high}): choose low < high"));
        }
        for Sample { label, values, .. } in &self.samples {
            if let Some(value) = values.iter().find(|value| !is_drawable(**value)) {
                return problem(format!("{label} has the number {value}: remove it"));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn describe(&self) -> String {
        let mut text = alt::head(Self::FIGURE, &self.title, &alt::label(&self.x_label));
        for Sample { label, values, .. } in &self.samples {
            let mut sorted: Vec<f64> = values.clone();
            sorted.sort_by(f64::total_cmp);
            let at = |share: f64| {
                let i = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
                alt::number(sorted.get(i).copied().unwrap_or(f64::NAN))
            };
            let label = alt::label(label);
            text += &match sorted.len() {
                0 => format!(" {label}: no value."),
                n => format!(
                    " {label}: {n} values, median {}, half of them from {} to {}, all from {} to {}.",
                    at(0.5),
                    at(0.25),
                    at(0.75),
                    at(0.0),
                    at(1.0)
                ),
            };
        }
        text
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (low, high) = self.span();
        let shares: Vec<Vec<f64>> = self.samples.iter().map(|it| self.shares(it)).collect();
        let most = shares.iter().flatten().fold(0.0f64, |most, &it| most.max(it));
        let title = title_size(&self.title, self.size.0);
        let labels = self.samples.iter().filter(|it| !it.label.is_empty()).count();
        // The highest share stays below the legend, wherever it is.
        let height = f64::from(self.size.1) - f64::from(2 * MARGIN + X_LABELS) - 1.7 * title;
        let room = (legend_height(labels) / height.max(1.0)).clamp(0.1, 0.6);
        let top = if most > 0.0 { most / (1.0 - room) } else { 1.0 };
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .caption(&self.title, text(title))
            .x_label_area_size(X_LABELS)
            .y_label_area_size(60)
            .build_cartesian_2d(low..high, 0.0..top)?;
        axes(&mut chart).x_desc(&self.x_label).y_desc("Share").draw()?;
        let edge = |i: usize| low + (high - low) * i as f64 / self.bins as f64;
        for (sample, shares) in self.samples.iter().zip(&shares) {
            let color = sample.color;
            let steps =
                shares.iter().enumerate().flat_map(|(i, &y)| [(edge(i), y), (edge(i + 1), y)]);
            let outline: Vec<(f64, f64)> = std::iter::once((edge(0), 0.0))
                .chain(steps)
                .chain([(edge(self.bins), 0.0)])
                .collect();
            chart.draw_series([Polygon::new(outline.clone(), color.mix(0.2))])?;
            draw_line(&mut chart, &sample.label, color, outline)?;
        }
        draw_legend(&mut chart, SeriesLabelPosition::UpperRight)
    }
}
