//! A matrix as colours: similarities of a batch, confusion of classes.

use std::fmt;

use ndarray::Array2;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::alt;
use super::canvas::{Draw, figure_methods, is_drawable, is_drawable_range};
use super::chart::{DrawResult, range_of, text_at, tick, title_size};
use super::raster::Raster;
use super::scale::color;
use crate::stats::confusion_matrix;
use crate::{Error, Result};

/// Side of the matrix that is aimed at, in pixels.
const SIDE: u32 = 400;
const MARGIN: u32 = 12;
const TITLE: u32 = 28;
/// Most room for names of rows, and for those of columns.
const NAMES: u32 = 140;
/// Room for a label of an axis.
const LABEL: u32 = 20;
/// Room for the scale of colours.
const SCALE: u32 = 70;
/// Height and width of the scale in shown pixels.
const STEPS: u32 = 100;
const STEP_WIDTH: usize = 12;
const LEGEND: u32 = 22;
/// Rows and columns up to which numbers are written into the cells.
const NUMBERED: usize = 12;
/// Most rows or columns.
const MOST: usize = 2_048;

/// Cells that are outlined, such as positive pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Marks {
    /// Their name in the legend.
    pub label: String,
    /// Colour of the outline.
    pub color: RGBColor,
    /// Row and column of each.
    pub cells: Vec<(usize, usize)>,
}

/// A matrix as colours, with cells marked.
///
/// The matrix is stored as one picture, so that one of 256 x 256 takes some kB.
///
/// ```
/// use twoviews::ndarray::arr2;
/// use twoviews::plot::{HeatMap, Marks, RED};
/// let mut figure = HeatMap::new("Cosines, Shapes10, seed 1", arr2(&[[1.0, 0.2], [0.2, 1.0]]));
/// figure.marks.push(Marks { label: "itself".into(), color: RED, cells: vec![(0, 0), (1, 1)] });
/// assert!(figure.to_svg()?.contains("itself"));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct HeatMap {
    /// Title: what is shown, of which data and seed.
    pub title: String,
    /// What the columns are.
    pub x_label: String,
    /// What the rows are.
    pub y_label: String,
    /// The numbers, (rows, columns).
    pub values: Array2<f64>,
    /// Names of the rows, or none.
    pub row_names: Vec<String>,
    /// Names of the columns, or none.
    pub column_names: Vec<String>,
    /// Numbers of the first and the last colour; without it, the smallest and the largest value.
    pub range: Option<(f64, f64)>,
    /// Outlined cells.
    pub marks: Vec<Marks>,
}

impl HeatMap {
    /// A figure of `values`, without names and marks.
    pub fn new(title: &str, values: Array2<f64>) -> Self {
        Self {
            title: title.to_owned(),
            x_label: String::new(),
            y_label: String::new(),
            values,
            row_names: Vec::new(),
            column_names: Vec::new(),
            range: None,
            marks: Vec::new(),
        }
    }

    /// How often images of each class `y` (rows) are taken for each class (columns), as a share of the row.
    ///
    /// # Errors
    /// As [`confusion_matrix`].
    pub fn confusion<'a>(
        title: &str,
        y: impl IntoIterator<Item = &'a i64>,
        predicted: impl IntoIterator<Item = &'a i64>,
        classes: &[impl AsRef<str>],
    ) -> Result<Self> {
        let y = y.into_iter().copied().collect();
        let predicted = predicted.into_iter().copied().collect();
        let mut counts = confusion_matrix(&y, &predicted, classes.len())?.mapv(|n| n as f64);
        for mut row in counts.outer_iter_mut() {
            let sum = row.sum().max(1.0);
            row /= sum;
        }
        let names: Vec<String> = classes.iter().map(|name| name.as_ref().to_owned()).collect();
        Ok(Self {
            x_label: "taken for".into(),
            y_label: "class".into(),
            row_names: names.clone(),
            column_names: names,
            range: Some((0.0, 1.0)),
            ..Self::new(title, counts)
        })
    }

    fn rows(&self) -> usize {
        self.values.nrows()
    }

    fn columns(&self) -> usize {
        self.values.ncols()
    }

    /// Numbers of the first and the last colour.
    fn span(&self) -> (f64, f64) {
        range_of(self.range, self.values.iter().copied())
    }

    /// Side of a cell.
    fn side(&self) -> u32 {
        (SIDE / self.rows().max(self.columns()).max(1) as u32).clamp(1, 44)
    }

    /// Left and top of the matrix.
    fn corner(&self) -> (i32, i32) {
        let left = room(&self.row_names);
        let label = |text: &str| if text.is_empty() { 0 } else { LABEL };
        ((MARGIN + left + label(&self.y_label)) as i32, (MARGIN + TITLE) as i32)
    }

    /// The scale of colours, beside the matrix.
    fn scale(&self, span: (f64, f64)) -> Raster {
        let (left, top) = self.corner();
        let left = left + (self.columns() as u32 * self.side()) as i32 + 12;
        let rows = (0..STEPS).flat_map(|i| {
            let share = 1.0 - f64::from(i) / f64::from(STEPS - 1);
            let RGBColor(r, g, b) = color(span.0 + share * (span.1 - span.0), span);
            [r, g, b].repeat(STEP_WIDTH)
        });
        Raster { left, top, side: 1, columns: STEP_WIDTH, pixels: rows.collect() }
    }

    /// Whether numbers stand in the cells.
    fn is_numbered(&self) -> bool {
        self.rows().max(self.columns()) <= NUMBERED
    }
}

figure_methods!(HeatMap);

impl fmt::Debug for HeatMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeatMap({:?}, {} x {})", self.title, self.rows(), self.columns())
    }
}

impl Draw for HeatMap {
    const FIGURE: &'static str = "heat map";

    fn check(&self) -> Result<()> {
        let problem = |problem: String| Err(Error::Plot { figure: Self::FIGURE, problem });
        let (rows, columns) = (self.rows(), self.columns());
        if rows == 0 || columns == 0 || rows > MOST || columns > MOST {
            return problem(format!(
                "it has {rows} x {columns} values: 1 to {MOST} rows and columns"
            ));
        }
        if let Some(((i, j), value)) = self.values.indexed_iter().find(|(_, v)| !is_drawable(**v)) {
            return problem(format!("the value in row {i}, column {j} is {value}: replace it"));
        }
        if let Some((low, high)) = self.range
            && !is_drawable_range(low, high)
        {
            return problem(format!("its range is ({low}, {high}): choose low < high"));
        }
        for (what, names, n) in
            [("row", &self.row_names, rows), ("column", &self.column_names, columns)]
        {
            if !names.is_empty() && names.len() != n {
                return problem(format!(
                    "{n} {what}s have {} names: give all or none",
                    names.len()
                ));
            }
        }
        for marks in &self.marks {
            if let Some((i, j)) = marks.cells.iter().find(|(i, j)| *i >= rows || *j >= columns) {
                return problem(format!(
                    "{} marks row {i}, column {j}: there is none",
                    marks.label
                ));
            }
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let (left, top) = self.corner();
        let side = |count: usize| (count as u32).saturating_mul(self.side());
        let below = room(&self.column_names)
            + if self.x_label.is_empty() { 0 } else { LABEL }
            + if self.marks.is_empty() { 0 } else { LEGEND };
        // A narrow matrix leaves room for the title.
        let width = (left as u32 + side(self.columns()) + SCALE + MARGIN).max(320);
        (width, top as u32 + side(self.rows()) + below + MARGIN)
    }

    fn describe(&self) -> String {
        let (x, y) = (alt::label(&self.x_label), alt::label(&self.y_label));
        let axes = match (x.is_empty(), y.is_empty()) {
            (false, false) => format!("Rows: {y}; columns: {x}"),
            _ => x + &y,
        };
        let mut text = alt::head(Self::FIGURE, &self.title, &axes);
        let (low, high) = self.span();
        text += &format!(
            " {} rows, {} columns; colours from {} to {}.",
            self.rows(),
            self.columns(),
            alt::number(low),
            alt::number(high)
        );
        if !self.row_names.is_empty() && self.rows() == self.columns() {
            let told: Vec<usize> = (0..self.rows()).collect();
            let row = |&i: &usize| {
                let others = (0..self.columns()).filter(|&j| j != i);
                let most =
                    others.max_by(|&a, &b| self.values[(i, a)].total_cmp(&self.values[(i, b)]));
                let name = |j: usize| alt::label(self.row_names.get(j).map_or("", String::as_str));
                let own = alt::number(self.values[(i, i)]);
                most.map_or_else(
                    || format!("{} {own}", name(i)),
                    |j| {
                        let other = alt::number(self.values[(i, j)]);
                        format!("{} {own}, else mostly {} {other}", name(i), name(j))
                    },
                )
            };
            text += &format!(" On the diagonal: {}.", alt::listed(&told, row, "rows"));
        }
        for marks in &self.marks {
            let values: Vec<f64> =
                marks.cells.iter().filter_map(|&cell| self.values.get(cell).copied()).collect();
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            text += &format!(
                " Marked as {}: {} cells, mean {}.",
                alt::label(&marks.label),
                values.len(),
                alt::number(mean)
            );
        }
        text
    }

    fn rasters(&self) -> Vec<Raster> {
        let (left, top) = self.corner();
        let (span, side) = (self.span(), self.side());
        let pixels = self.values.iter().flat_map(|&value| {
            let RGBColor(r, g, b) = color(value, span);
            [r, g, b]
        });
        let matrix = Raster { left, top, side, columns: self.columns(), pixels: pixels.collect() };
        vec![matrix, self.scale(span)]
    }

    fn draw<B: DrawingBackend>(&self, _: &DrawingArea<B, Shift>) -> DrawResult<B> {
        Ok(())
    }

    fn draw_over<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (width, height) = self.size();
        let (left, top) = self.corner();
        let side = self.side() as i32;
        let (right, bottom) =
            (left + side * self.columns() as i32, top + side * self.rows() as i32);
        let title = text_at(title_size(&self.title, width), HPos::Center, VPos::Top);
        area.draw(&Text::new(self.title.clone(), (width as i32 / 2, MARGIN as i32 - 4), title))?;
        // Numbers at the scale.
        let (low, high) = self.span();
        for (value, y) in [(high, top), (low, top + STEPS as i32 - 1)] {
            let place = (right + 12 + STEP_WIDTH as i32 + 4, y);
            area.draw(&Text::new(tick(value), place, text_at(12.0, HPos::Left, VPos::Center)))?;
        }
        for (i, name) in self.row_names.iter().enumerate() {
            let place = (left - 5, top + side * i as i32 + side / 2);
            area.draw(&Text::new(name.clone(), place, text_at(12.0, HPos::Right, VPos::Center)))?;
        }
        for (i, name) in self.column_names.iter().enumerate() {
            let place = (left + side * i as i32 + side / 2, bottom + 5);
            let style =
                text_at(12.0, HPos::Right, VPos::Center).transform(FontTransform::Rotate270);
            area.draw(&Text::new(name.clone(), place, style))?;
        }
        let names = room(&self.column_names) as i32;
        let place = ((left + right) / 2, bottom + names + 4);
        area.draw(&Text::new(self.x_label.clone(), place, text_at(14.0, HPos::Center, VPos::Top)))?;
        let style = text_at(14.0, HPos::Center, VPos::Top).transform(FontTransform::Rotate270);
        area.draw(&Text::new(
            self.y_label.clone(),
            (MARGIN as i32 - 6, (top + bottom) / 2),
            style,
        ))?;
        if self.is_numbered() {
            for ((i, j), &value) in self.values.indexed_iter() {
                let number = text_at(11.0, HPos::Center, VPos::Center);
                let place = (left + side * j as i32 + side / 2, top + side * i as i32 + side / 2);
                area.draw(&Text::new(format!("{value:.2}"), place, number))?;
            }
        }
        for marks in &self.marks {
            for &(i, j) in &marks.cells {
                let (x, y) = (left + side * j as i32, top + side * i as i32);
                // Of a cell of a pixel or two, the outline is seen around it.
                let out = if side < 4 { 1 } else { 0 };
                let outline = [(x - out, y - out), (x + side - 1 + out, y + side - 1 + out)];
                let thickness = if side < 12 { 1 } else { 2 };
                area.draw(&Rectangle::new(outline, marks.color.stroke_width(thickness)))?;
            }
        }
        let mut x = MARGIN as i32;
        let y = (height - LEGEND) as i32;
        for marks in &self.marks {
            area.draw(&Rectangle::new([(x, y), (x + 10, y + 10)], marks.color.stroke_width(2)))?;
            let style = text_at(12.0, HPos::Left, VPos::Center);
            area.draw(&Text::new(marks.label.clone(), (x + 16, y + 6), style))?;
            x += 32 + 7 * marks.label.chars().count() as i32;
        }
        Ok(())
    }
}

/// Room for names beside their rows, or below their columns.
fn room(names: &[String]) -> u32 {
    let longest = names.iter().map(|name| name.chars().count()).max();
    longest.map_or(0, |length| (7 * length as u32 + 12).min(NAMES))
}
