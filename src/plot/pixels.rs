//! Where figures are drawn as pixels, on a transparent ground.

use std::convert::Infallible;

use plotters::prelude::DrawingBackend;
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingErrorKind};

use super::palette::{RIM, RIM_WIDTH};

/// Opacities are multiples of 1 / 15: that many are hardly told apart, and leave most drawings with the 256
/// colours that a PNG can number.
const OPACITIES: f64 = 15.0;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Red, green, blue and opacity of each pixel. plotters' own bitmap knows no opacity.
pub(super) struct Pixels {
    pub(super) size: (u32, u32),
    pub(super) rgba: Vec<[u8; 4]>,
}

impl Pixels {
    /// Nothing is drawn yet.
    pub(super) fn new(size: (u32, u32)) -> Self {
        Self { size, rgba: vec![[0; 4]; size.0 as usize * size.1 as usize] }
    }

    /// Lays a colour over what is there.
    fn lay(&mut self, (x, y): BackendCoord, color: BackendColor) {
        let (width, height) = self.size;
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= width || y >= height {
            return;
        }
        let below = &mut self.rgba[y as usize * width as usize + x as usize];
        let over = (color.alpha.clamp(0.0, 1.0) * OPACITIES).round() / OPACITIES;
        if over == 0.0 {
            return;
        }
        let seen = f64::from(below[3]) / 255.0 * (1.0 - over);
        let (red, green, blue) = color.rgb;
        for (below, above) in below.iter_mut().zip([red, green, blue]) {
            let mixed = f64::from(above) * over + f64::from(*below) * seen;
            *below = (mixed / (over + seen)).round() as u8;
        }
        below[3] = ((over + seen) * 255.0).round() as u8;
    }
}

/// Draws on them.
pub(super) struct PixelBackend<'a>(pub(super) &'a mut Pixels);

impl DrawingBackend for PixelBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.0.lay(point, color);
        Ok(())
    }

    /// Text on a plate, which takes the place of the rim that it has in an SVG: a rim of whole pixels is
    /// jagged, and one of half-seen ones makes a PNG of pictures and captions store an opacity for each.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let mut glyphs = Glyphs { size: self.0.size, points: Vec::new() };
        glyphs.draw_text(text, style, at)?;
        let Some(((left, right), (top, bottom))) = glyphs.bounds() else { return Ok(()) };
        let (reach, color) =
            (RIM_WIDTH as i32, BackendColor { alpha: 1.0, rgb: (RIM.0, RIM.1, RIM.2) });
        for y in top - reach..=bottom + reach {
            // Rounded corners.
            let cut = (reach - (y - top + reach).min(bottom + reach - y) - 1).max(0);
            for x in left - reach + cut..=right + reach - cut {
                self.0.lay((x, y), color);
            }
        }
        for (at, color) in glyphs.points {
            self.0.lay(at, color);
        }
        Ok(())
    }
}

/// The pixels of a text.
struct Glyphs {
    size: (u32, u32),
    points: Vec<(BackendCoord, BackendColor)>,
}

impl Glyphs {
    /// First and last column, first and last row.
    fn bounds(&self) -> Option<((i32, i32), (i32, i32))> {
        let side = |of: fn(&BackendCoord) -> i32| {
            let values = self.points.iter().map(|(at, _)| of(at));
            Some((values.clone().min()?, values.max()?))
        };
        Some((side(|at| at.0)?, side(|at| at.1)?))
    }
}

impl DrawingBackend for Glyphs {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        // Else it is not seen.
        if color.alpha >= 0.5 / OPACITIES {
            self.points.push((point, color));
        }
        Ok(())
    }
}
