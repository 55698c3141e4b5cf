//! Where figures are drawn: an SVG text or a PNG file, with the same font everywhere.

use std::fs;
use std::path::Path;

use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::{FontStyle, register_font};

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
pub(super) trait Draw {
    /// Its name in messages.
    const FIGURE: &'static str;
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws everything.
    fn draw<B: plotters::prelude::DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> std::result::Result<(), String>;
}

/// The figure as SVG text.
pub(super) fn svg<F: Draw>(figure: &F) -> Result<String> {
    with_font(F::FIGURE)?;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, figure.size()).into_drawing_area();
        draw(figure, &area)?;
    }
    Ok(text)
}

/// Writes the figure as `.svg` or `.png`; the file appears whole or not at all.
pub(super) fn save<F: Draw>(figure: &F, path: &Path) -> Result<()> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let temporary = path.with_extension(format!("tmp.{extension}"));
    let unwritable =
        |error| Error::io("write", path, error, "Choose a folder that exists and may be written");
    match extension {
        "svg" => fs::write(&temporary, svg(figure)?).map_err(unwritable)?,
        "png" => {
            with_font(F::FIGURE)?;
            // The encoder reports an unwritable path only as text: try it first.
            fs::write(&temporary, []).map_err(unwritable)?;
            let area = BitMapBackend::new(&temporary, figure.size()).into_drawing_area();
            draw(figure, &area)?;
        }
        _ => {
            return Err(Error::parameter(
                "path",
                path.display(),
                "a name ending in .svg or .png",
                "Other formats can be made from the .svg.",
            ));
        }
    }
    fs::rename(&temporary, path).map_err(unwritable)
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

/// Hands content of a MIME type to evcxr, which shows it below the cell.
pub(super) fn show(mime: &str, content: &str) {
    println!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT");
}
