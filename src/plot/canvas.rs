//! Where figures are drawn: an SVG text or a PNG file, on a transparent ground and with the same font
//! everywhere.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::style::{FontStyle, register_font};

use super::chart::DrawResult;
use super::palette::{RIM, RIM_WIDTH};
use super::pixels::{PixelBackend, Pixels};
use super::raster::Raster;
use super::{alt, encode};
use crate::atomic_write::atomic_write;
use crate::notebook::Bundle;
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

/// A figure that draws itself on any backend. With this trait and [`figure_methods`] it has all that
/// figures have.
pub(super) trait Draw {
    /// Its name in messages.
    const FIGURE: &'static str;
    /// Whether it consists of pictures: an SVG would only wrap them, so it is shown as PNG only.
    const IS_PIXELS: bool = false;
    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<()>;
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// What it shows, told from its data with the words of [`alt`](super::alt): kind, title and axes,
    /// then the values, however wrong they are.
    fn describe(&self) -> String;
    /// Pictures that lie over what [`draw`](Self::draw) draws.
    fn rasters(&self) -> Vec<Raster> {
        Vec::new()
    }
    /// Draws everything, or what lies below the pictures.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B>;
    /// Draws what lies over the pictures.
    fn draw_over<B: DrawingBackend>(&self, _: &DrawingArea<B, Shift>) -> DrawResult<B> {
        Ok(())
    }
}

/// Gives a figure the methods that every figure has.
macro_rules! figure_methods {
    ($figure:ty) => {
        impl $figure {
            /// What the figure shows in words, for readers who do not see it: made from its data,
            /// never empty, on one line.
            pub fn alt_text(&self) -> String {
                $crate::plot::canvas::alt_text(self)
            }

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
                self.save_to(path.as_ref())
            }

            /// A generic function is compiled where it is called, and with it all that draws.
            fn save_to(&self, path: &std::path::Path) -> $crate::Result<()> {
                $crate::plot::canvas::save(self, path)
            }

            /// Shows the figure below a notebook's cell; elsewhere, prints what it shows.
            pub fn evcxr_display(&self) {
                match $crate::plot::canvas::bundle(self) {
                    Ok(bundle) => bundle.show(),
                    Err(error) => println!("{error}"),
                }
            }
        }

        impl $crate::notebook::Figure for $figure {
            fn svg(&self) -> $crate::Result<String> {
                self.to_svg()
            }

            fn text(&self) -> String {
                self.alt_text()
            }

            fn bundle(&self) -> $crate::Result<$crate::notebook::Bundle> {
                $crate::plot::canvas::bundle(self)
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
    let backend = SVGBackend::with_string(&mut text, figure.size());
    draw_on::<F, _>(backend, |area| figure.draw(area))?;
    let rasters = figure.rasters();
    if !rasters.is_empty() {
        text.truncate(text.rfind("</svg>").unwrap_or(text.len()));
        for raster in rasters {
            text += &raster.to_svg().map_err(|error| unencodable::<F>(&error))?;
        }
        let mut over = String::new();
        let backend = SVGBackend::with_string(&mut over, figure.size());
        draw_on::<F, _>(backend, |area| figure.draw_over(area))?;
        // Without its own beginning.
        let begin = over.find("<svg ").and_then(|at| Some(at + over[at..].find('>')? + 1));
        text += &over[begin.unwrap_or(0)..];
    }
    Ok(with_words(&with_rims(&text), &alt_text(figure)))
}

/// The SVG with a rim around its texts, as attributes, which a page's style overrules.
fn with_rims(svg: &str) -> String {
    let rim = format!(
        "<text stroke=\"#{:02X}{:02X}{:02X}\" stroke-width=\"{}\" stroke-linejoin=\"round\" \
         paint-order=\"stroke\" ",
        RIM.0,
        RIM.1,
        RIM.2,
        2.0 * RIM_WIDTH
    );
    svg.replace("<text ", &rim)
}

/// The SVG with its words for those who do not see it, and never wider than where it is put.
fn with_words(svg: &str, words: &str) -> String {
    let escapes = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;")];
    let words = escapes.iter().fold(words.to_owned(), |text, (c, name)| text.replace(*c, name));
    let Some((root, rest)) = svg.split_once("<svg ").and_then(|(_, root)| root.split_once('>'))
    else {
        return svg.to_owned();
    };
    let svg = format!(
        "<svg role=\"img\" aria-label=\"{words}\" style=\"max-width:100%;height:auto\" {root}>\n\
         <desc>{words}</desc>{rest}"
    );
    // XML has no place for most control characters, whatever a label holds.
    let is_text = |c: &char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    svg.chars().filter(is_text).collect()
}

/// The figure as the bytes of a PNG file.
pub(super) fn png<F: Draw>(figure: &F) -> Result<Vec<u8>> {
    prepare(figure)?;
    let mut pixels = Pixels::new(figure.size());
    draw_on::<F, _>(PixelBackend(&mut pixels), |area| figure.draw(area))?;
    for raster in figure.rasters() {
        raster.draw(&mut pixels);
    }
    draw_on::<F, _>(PixelBackend(&mut pixels), |area| figure.draw_over(area))?;
    encode::png(&pixels).map_err(|error| unencodable::<F>(&error))
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

/// Draws on a backend, or says why it cannot.
fn draw_on<F: Draw, B: DrawingBackend>(
    backend: B,
    draw: impl FnOnce(&DrawingArea<B, Shift>) -> DrawResult<B>,
) -> Result<()> {
    let area = backend.into_drawing_area();
    draw(&area)
        .and_then(|()| area.present())
        .map_err(|error| Error::Plot { figure: F::FIGURE, problem: error.to_string() })
}

/// What the figure shows, on one line, never empty.
pub(super) fn alt_text<F: Draw>(figure: &F) -> String {
    let text = figure.describe().split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { alt::head(F::FIGURE, "", "") } else { text }
}

/// All forms in which a notebook stores the figure: who does not trust its SVG shows the PNG.
pub(super) fn bundle<F: Draw>(figure: &F) -> Result<Bundle> {
    let mut bundle = Bundle::new(&alt_text(figure));
    if !F::IS_PIXELS {
        bundle = bundle.with("image/svg+xml", svg(figure)?);
    }
    Ok(bundle.with("image/png", BASE64_STANDARD.encode(png(figure)?)))
}
