//! Small images side by side, magnified, with captions.

use std::fmt;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::alt;
use super::canvas::{Draw, figure_methods};
use super::chart::{DrawResult, text_at};
use super::raster::Raster;
use crate::data::{Image, check_pixels};
use crate::{Error, Result};

/// Pixels between two images.
const GAP: u32 = 6;
/// Height of a caption.
const CAPTION: u32 = 18;

/// Images in rows, each with a caption below it.
///
/// ```
/// use twoviews::data::Shapes10;
/// use twoviews::plot::ImageGrid;
/// let shapes = Shapes10 { num_images: 10, ..Default::default() }.generate()?;
/// let mut grid = ImageGrid::new(5);
/// for i in 0..10 {
///     grid.push(shapes.image(i), shapes.class_name(i));
/// }
/// assert!(grid.to_svg()?.contains("triangle"));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ImageGrid {
    /// Images in a row.
    pub columns: usize,
    /// Side of a shown pixel.
    pub magnification: u32,
    cells: Vec<(Image, String)>,
}

impl ImageGrid {
    /// An empty grid with `columns` images in a row, each pixel shown as 3 x 3.
    pub fn new(columns: usize) -> Self {
        Self { columns: columns.max(1), magnification: 3, cells: Vec::new() }
    }

    /// Adds an image at the end.
    pub fn push(&mut self, image: Image, caption: &str) {
        self.cells.push((image, caption.to_owned()));
    }

    /// Width and height of a cell with its gap and caption.
    fn cell(&self) -> (u32, u32) {
        let largest = |side: fn(&Image) -> usize| {
            self.cells.iter().map(|(image, _)| side(image)).max().unwrap_or(0) as u32
        };
        let (width, height) = (largest(|image| image.width), largest(|image| image.height));
        let shown = |side: u32, more| side.saturating_mul(self.magnification).saturating_add(more);
        (shown(width, GAP), shown(height, GAP + CAPTION))
    }

    /// Left and top of each image, the image and its caption.
    fn placed(&self) -> impl Iterator<Item = ((i32, i32), &(Image, String))> {
        let (width, height) = self.cell();
        let corner = move |i: usize| {
            let (column, row) = ((i % self.columns) as u32, (i / self.columns) as u32);
            ((GAP + column * width) as i32, (GAP + row * height) as i32)
        };
        self.cells.iter().enumerate().map(move |(i, cell)| (corner(i), cell))
    }
}

figure_methods!(ImageGrid);

impl Image {
    /// Shows the image below a notebook's cell, small ones magnified to 96 pixels or more; elsewhere, prints
    /// what it is.
    pub fn evcxr_display(&self) {
        let side = self.height.max(self.width).max(1);
        let mut grid = ImageGrid::new(1);
        grid.magnification = 96usize.div_ceil(side) as u32;
        grid.push(self.clone(), &format!("{} x {}", self.width, self.height));
        grid.evcxr_display();
    }
}

impl fmt::Debug for ImageGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageGrid({} images)", self.cells.len())
    }
}

impl Draw for ImageGrid {
    const FIGURE: &'static str = "image grid";
    const IS_PIXELS: bool = true;

    fn check(&self) -> Result<()> {
        if self.cells.is_empty() {
            let problem = "there is no image: push at least one".into();
            return Err(Error::Plot { figure: Self::FIGURE, problem });
        }
        if self.columns == 0 || self.magnification == 0 {
            let (columns, magnification) = (self.columns, self.magnification);
            let problem = format!(
                "it has {columns} columns and pixels of {magnification}: choose at least 1 of both"
            );
            return Err(Error::Plot { figure: Self::FIGURE, problem });
        }
        for (i, (image, _)) in self.cells.iter().enumerate() {
            check_pixels(image.pixels.len(), 1, (image.height, image.width)).map_err(|error| {
                Error::Plot { figure: Self::FIGURE, problem: format!("image {i}: {error}") }
            })?;
        }
        Ok(())
    }

    fn size(&self) -> (u32, u32) {
        let (width, height) = self.cell();
        let columns = self.columns.max(1).min(self.cells.len());
        let side = |count: usize, side: u32| {
            (count as u64).saturating_mul(side.into()).saturating_add(GAP.into())
        };
        let sides = [side(columns, width), side(self.cells.len().div_ceil(columns.max(1)), height)];
        let [width, height] = sides.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        (width, height)
    }

    fn describe(&self) -> String {
        let columns = self.columns.max(1).min(self.cells.len());
        let rows = self.cells.len().div_ceil(columns.max(1));
        let shape = match rows {
            0 => "no image".to_owned(),
            1 => format!("{columns} in a row"),
            _ => format!("{rows} rows of {columns}"),
        };
        let text = format!("Image grid, {shape}");
        // What is said of one image several times in a row is said once.
        let mut captions: Vec<(String, usize)> = Vec::new();
        for (_, caption) in &self.cells {
            let caption = alt::label(caption);
            match captions.last_mut() {
                Some((last, count)) if *last == caption => *count += 1,
                _ => captions.push((caption, 1)),
            }
        }
        if captions.iter().all(|(caption, _)| caption.is_empty()) {
            return text + ", without captions.";
        }
        let caption = |(caption, count): &(String, usize)| match (caption.as_str(), count) {
            ("", 1) => "one without a caption".to_owned(),
            ("", count) => format!("{count} without captions"),
            (caption, 1) => caption.to_owned(),
            (caption, count) => format!("{count} \u{d7} {caption}"),
        };
        format!("{text}: {}.", alt::listed(&captions, caption, "captions"))
    }

    fn rasters(&self) -> Vec<Raster> {
        let side = self.magnification;
        self.placed()
            .map(|((left, top), (image, _))| {
                let (columns, pixels) = (image.width, image.pixels.clone());
                Raster { left, top, side, columns, pixels }
            })
            .collect()
    }

    /// Captions: their rims go behind the images.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let side = self.magnification as i32;
        for ((left, top), (image, caption)) in self.placed() {
            let style = text_at(12, HPos::Center, VPos::Top);
            let middle = left + image.width as i32 * side / 2;
            let below = top + image.height as i32 * side + 2;
            area.draw(&Text::new(caption.clone(), (middle, below), style))?;
        }
        Ok(())
    }
}
