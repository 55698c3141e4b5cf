//! Pictures inside a figure: one PNG each in an SVG, in place of a rectangle for each pixel.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::encode;
use super::pixels::Pixels;

/// A picture at a place of a figure, each of its pixels as a square.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raster {
    pub left: i32,
    pub top: i32,
    /// Side of a shown pixel.
    pub side: u32,
    pub columns: usize,
    /// Red, green, blue, row by row.
    pub pixels: Vec<u8>,
}

impl Raster {
    fn rows(&self) -> usize {
        self.pixels.len() / (3 * self.columns.max(1))
    }

    fn rgba(&self) -> impl Iterator<Item = [u8; 4]> + '_ {
        self.pixels.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2], 255])
    }

    /// As an element of an SVG.
    pub(super) fn to_svg(&self) -> Result<String, png::EncodingError> {
        let (columns, rows, side) = (self.columns as u32, self.rows() as u32, self.side);
        let file = encode::png(&Pixels { size: (columns, rows), rgba: self.rgba().collect() })?;
        Ok(format!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>\n",
            self.left,
            self.top,
            columns * side,
            rows * side,
            BASE64_STANDARD.encode(file)
        ))
    }

    /// Into the pixels of a figure; what lies outside is left out.
    pub(super) fn draw(&self, figure: &mut Pixels) {
        let (width, height) = (i64::from(figure.size.0), i64::from(figure.size.1));
        for (i, color) in self.rgba().enumerate() {
            let (row, column) = ((i / self.columns) as i64, (i % self.columns) as i64);
            let side = i64::from(self.side);
            let (top, left) =
                (i64::from(self.top) + row * side, i64::from(self.left) + column * side);
            for y in (top..top + side).filter(|y| (0..height).contains(y)) {
                for x in (left..left + side).filter(|x| (0..width).contains(x)) {
                    figure.rgba[(y * width + x) as usize] = color;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_left_out() {
        let raster = Raster { left: -1, top: 1, side: 2, columns: 2, pixels: (1..=12).collect() };
        let mut figure = Pixels::new((3, 4));
        raster.draw(&mut figure);
        let red: Vec<u8> = figure.rgba.iter().map(|color| color[0]).collect();
        assert_eq!(red, [0, 0, 0, 1, 4, 4, 1, 4, 4, 7, 10, 10]);
    }
}
