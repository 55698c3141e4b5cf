//! Where figures are drawn: an SVG text or a PNG file, with the same font everywhere.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::{FontStyle, register_font};

use crate::atomic_write::atomic_write;
use crate::{Error, Result};

/// The name under which figures ask for their font.
pub(super) const FONT: &str = "sans-serif";

/// Makes DejaVu Sans known to plotters, which then needs no font of the system.
pub(super) fn with_font(figure: &'static str) -> Result<()> {
    for (style, bytes) in
        [(FontStyle::Normal, dejavu::sans::regular()), (FontStyle::Bold, dejavu::sans::bold())]
    {
        register_font(FONT, style, bytes).map_err(|_| Error::Plot {
            figure,
            problem: "the embedded font cannot be read".into(),
        })?;
    }
    Ok(())
}

/// A figure that draws itself on any backend.
pub(super) trait Draw: std::fmt::Debug {
    /// Its name in messages.
    const FIGURE: &'static str;
    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<()>;
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws everything.
    fn draw<B: plotters::prelude::DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> std::result::Result<(), String>;
}

/// Gives a figure the methods that every figure has.
///
/// A notebook shows drawings as SVG and pictures, which would be thousands of squares, as PNG.
macro_rules! figure_methods {
    ($figure:ty, $show:ident) => {
        impl $figure {
            /// The figure as SVG text.
            ///
            /// # Errors
            /// [`Error::Plot`](crate::Error::Plot) if there is nothing to draw, or a value is not
            /// finite.
            pub fn to_svg(&self) -> $crate::Result<String> {
                $crate::plot::canvas::svg(self)
            }

            /// Writes the figure to a `.svg` or `.png` file, completely or not at all.
            ///
            /// # Errors
            /// As [`to_svg`](Self::to_svg), or if the file cannot be written.
            pub fn save(&self, path: impl AsRef<std::path::Path>) -> $crate::Result<()> {
                $crate::plot::canvas::save(self, path.as_ref())
            }

            /// Shows the figure below a notebook's cell.
            pub fn evcxr_display(&self) {
                if let Err(error) = $crate::plot::canvas::$show(self) {
                    println!("{error}");
                }
            }
        }
    };
}
pub(super) use figure_methods;

/// Smallest and largest side of a figure, in pixels. Axes and labels need room, and a picture of the
/// largest takes 1 GB.
const SIDES: std::ops::RangeInclusive<u32> = 20..=16_384;

/// Refuses what cannot be drawn, and finds the font.
fn prepare<F: Draw>(figure: &F) -> Result<()> {
    figure.check()?;
    let (width, height) = figure.size();
    if !(SIDES.contains(&width) && SIDES.contains(&height)) {
        return Err(Error::Plot {
            figure: F::FIGURE,
            problem: format!("it has {width} x {height} pixels: choose sides of 20 to 16384"),
        });
    }
    with_font(F::FIGURE)
}

/// Whether an axis can show these numbers: finite, and no further apart or closer together than
/// float64 can divide into ticks.
pub(super) fn is_drawable_range(low: f64, high: f64) -> bool {
    let magnitude = low.abs().max(high.abs());
    high - low >= 1e-9 * magnitude && high > low && is_drawable(magnitude)
}

/// Whether an axis can show a number.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() <= 1e300
}

/// The figure as SVG text.
pub(super) fn svg<F: Draw>(figure: &F) -> Result<String> {
    prepare(figure)?;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, figure.size()).into_drawing_area();
        draw(figure, &area)?;
    }
    Ok(text)
}

/// The figure as the bytes of a PNG file.
pub(super) fn png<F: Draw>(figure: &F) -> Result<Vec<u8>> {
    prepare(figure)?;
    let (width, height) = figure.size();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    draw(figure, &BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area())?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().map_err(|error| unencodable::<F>(&error))?;
    writer.write_image_data(&pixels).map_err(|error| unencodable::<F>(&error))?;
    writer.finish().map_err(|error| unencodable::<F>(&error))?;
    Ok(file)
}

fn unencodable<F: Draw>(error: &png::EncodingError) -> Error {
    Error::Plot { figure: F::FIGURE, problem: error.to_string() }
}

/// Writes the figure as `.svg` or `.png`, completely or not at all.
pub(super) fn save<F: Draw>(figure: &F, path: &Path) -> Result<()> {
    let bytes = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => svg(figure)?.into_bytes(),
        Some("png") => png(figure)?,
        _ => {
            return Err(Error::parameter(
                "path",
                path.display(),
                "a name ending in .svg or .png",
                "Other formats can be made from the .svg.",
            ));
        }
    };
    atomic_write(path, &bytes).map_err(|error| {
        Error::io("write", path, error, "Choose a folder that exists and may be written")
    })
}

fn draw<F: Draw, B: plotters::prelude::DrawingBackend>(
    figure: &F,
    area: &DrawingArea<B, plotters::coord::Shift>,
) -> Result<()> {
    figure
        .draw(area)
        .and_then(|()| area.present().map_err(|error| error.to_string()))
        .map_err(|problem| Error::Plot { figure: F::FIGURE, problem })
}

/// Shows a drawing below the cell.
pub(super) fn show_svg<F: Draw>(figure: &F) -> Result<()> {
    show(figure, "text/html", &svg(figure)?);
    Ok(())
}

/// Shows a picture below the cell.
pub(super) fn show_png<F: Draw>(figure: &F) -> Result<()> {
    show(figure, "image/png", &BASE64_STANDARD.encode(png(figure)?));
    Ok(())
}

/// Hands a figure to evcxr, which shows it below the cell; a client without pictures shows what it is.
fn show<F: Draw>(figure: &F, mime: &str, content: &str) {
    println!("EVCXR_BEGIN_CONTENT text/plain\n{figure:?}\nEVCXR_END_CONTENT");
    println!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT");
}
