//! Points in the plane, such as a 2-D embedding, with some of the images.

use std::fmt;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::alt;
use super::canvas::{Draw, figure_methods, is_drawable};
use super::chart::{DrawResult, extent, text_at, tick, title_size};
use super::palette::LINE;
use super::raster::Raster;
use crate::data::{Image, check_pixels};
use crate::{Error, Result};

const MARGIN: i32 = 12;
const TITLE: i32 = 24;
const AXES: i32 = 36;
/// Room for the legend.
const LEGEND: i32 = 110;

/// The points of one colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// Their name in the legend.
    pub label: String,
    /// Their colour.
    pub color: RGBColor,
    /// x and y of each.
    pub points: Vec<(f64, f64)>,
}

/// Points in the plane, a colour for each class, and thumbnails at some of them.
///
/// ```
/// use twoviews::plot::{BLUE, Points, ScatterPlot};
/// let mut figure = ScatterPlot::new("h in two dimensions, Shapes10, seed 1");
/// let points = vec![(0.0, 1.0), (0.5, 0.2)];
/// figure.classes.push(Points { label: "disc".into(), color: BLUE, points });
/// assert!(figure.to_svg()?.contains("disc"));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ScatterPlot {
    /// Title: what is shown, of which data and seed.
    pub title: String,
    /// Label of the x axis.
    pub x_label: String,
    /// Label of the y axis.
    pub y_label: String,
    /// The points.
    pub classes: Vec<Points>,
    /// Images, each with the point in whose middle it stands.
    pub thumbnails: Vec<((f64, f64), Image)>,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

impl ScatterPlot {
    /// An empty figure of 720 x 560 pixels.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: String::new(),
            y_label: String::new(),
            classes: Vec::new(),
            thumbnails: Vec::new(),
            size: (720, 560),
        }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let points = self.classes.iter().flat_map(|class| class.points.iter().copied());
        points.chain(self.thumbnails.iter().map(|(point, _)| *point))
    }

    /// Lowest and highest number of an axis, with a margin.
    fn span(&self, axis: fn((f64, f64)) -> f64) -> (f64, f64) {
        let (low, high) = extent(self.points().map(axis));
        let margin = (0.06 * (high - low)).max(1e-6 * low.abs().max(high.abs())).max(1e-12);
        (low - margin, high + margin)
    }

    /// Left, top, right and bottom of the plane.
    fn plane(&self) -> [i32; 4] {
        let legend = if self.classes.iter().any(|it| !it.label.is_empty()) { LEGEND } else { 0 };
        let (width, height) = (self.size.0 as i32, self.size.1 as i32);
        let right = (width - MARGIN - legend).max(MARGIN + AXES + 10);
        [MARGIN + AXES, MARGIN + TITLE, right, (height - MARGIN - AXES).max(MARGIN + TITLE + 10)]
    }

    /// Where a point is drawn. The axes' spans go through all points, so once for all of them.
    fn place(&self) -> impl Fn((f64, f64)) -> (i32, i32) + use<> {
        let [left, top, right, bottom] = self.plane();
        let spans = (self.span(|point| point.0), self.span(|point| point.1));
        let share = |value: f64, (low, high): (f64, f64)| {
            (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)
        };
        move |(x, y)| {
            let across = share(x, spans.0) * f64::from(right - left);
            let down = (1.0 - share(y, spans.1)) * f64::from(bottom - top);
            (left + across.round() as i32, top + down.round() as i32)
        }
    }
}

figure_methods!(ScatterPlot);

impl fmt::Debug for ScatterPlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScatterPlot({:?}, {} points)", self.title, self.points().count())
    }
}

impl Draw for ScatterPlot {
    const FIGURE: &'static str = "scatter plot";

    fn check(&self) -> Result<()> {
        let problem = |problem: String| Err(Error::Plot { figure: Self::FIGURE, problem });
        if self.points().next().is_none() {
            return problem("there is no point: push Points with at least one".into());
        }
        if let Some((x, y)) = self.points().find(|(x, y)| !(is_drawable(*x) && is_drawable(*y))) {
            return problem(format!("it has the point ({x}, {y}): remove it"));
        }
        for (i, (_, image)) in self.thumbnails.iter().enumerate() {
            check_pixels(image.pixels.len(), 1, (image.height, image.width)).map_err(|error| {
                Error::Plot { figure: Self::FIGURE, problem: format!("thumbnail {i}: {error}") }
            })?;
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn describe(&self) -> String {
        let axes = alt::axes(&self.x_label, &self.y_label);
        let mut text = alt::head(Self::FIGURE, &self.title, &axes);
        let class = |Points { label, points, .. }: &Points| {
            let n = points.len().max(1) as f64;
            let middle = |axis: fn(&(f64, f64)) -> f64| {
                alt::number(points.iter().map(|point| axis(point) / n).sum::<f64>())
            };
            let label = if label.is_empty() { "points".to_owned() } else { alt::label(label) };
            format!("{label}, {} around ({}, {})", points.len(), middle(|p| p.0), middle(|p| p.1))
        };
        text += &format!(" {}.", alt::listed(&self.classes, class, "classes"));
        if !self.thumbnails.is_empty() {
            text += &format!(" {} of the images are shown.", self.thumbnails.len());
        }
        text
    }

    fn rasters(&self) -> Vec<Raster> {
        let place = self.place();
        let thumbnail = |(point, image): &((f64, f64), Image)| {
            let (x, y) = place(*point);
            let half = |side: usize| (side / 2) as i32;
            Raster {
                left: x - half(image.width),
                top: y - half(image.height),
                side: 1,
                columns: image.width,
                pixels: image.pixels.clone(),
            }
        };
        self.thumbnails.iter().map(thumbnail).collect()
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let [left, top, right, bottom] = self.plane();
        let title = text_at(title_size(&self.title, self.size.0), HPos::Center, VPos::Top);
        let middle = ((left + right) / 2, (top + bottom) / 2);
        area.draw(&Text::new(self.title.clone(), (self.size.0 as i32 / 2, MARGIN - 4), title))?;
        area.draw(&Rectangle::new([(left, top), (right, bottom)], LINE))?;
        // An embedding's numbers mean little: the ends are enough.
        let (x, y) = (self.span(|point| point.0), self.span(|point| point.1));
        for (value, at, side) in [(x.0, left, HPos::Left), (x.1, right, HPos::Right)] {
            let style = text_at(12.0, side, VPos::Top);
            area.draw(&Text::new(tick(value), (at, bottom + 7), style))?;
        }
        for (value, at, side) in [(y.0, bottom, VPos::Bottom), (y.1, top, VPos::Top)] {
            let style = text_at(12.0, HPos::Right, side);
            area.draw(&Text::new(tick(value), (left - 4, at), style))?;
        }
        let style = text_at(14.0, HPos::Center, VPos::Top);
        area.draw(&Text::new(self.x_label.clone(), (middle.0, bottom + 16), style))?;
        let style = text_at(14.0, HPos::Center, VPos::Top).transform(FontTransform::Rotate270);
        area.draw(&Text::new(self.y_label.clone(), (MARGIN - 6, middle.1), style))?;
        let place = self.place();
        for Points { color, points, .. } in &self.classes {
            for &point in points {
                area.draw(&Circle::new(place(point), 3, color.mix(0.8).filled()))?;
            }
        }
        let named = self.classes.iter().filter(|class| !class.label.is_empty());
        for (i, Points { label, color, .. }) in named.enumerate() {
            let (x, y) = (right + 12, top + 8 + 18 * i as i32);
            area.draw(&Circle::new((x, y), 4, color.filled()))?;
            let style = text_at(12.0, HPos::Left, VPos::Center);
            area.draw(&Text::new(label.clone(), (x + 10, y), style))?;
        }
        Ok(())
    }
}
