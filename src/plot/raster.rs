//! Pictures inside a figure: one PNG each in an SVG, in place of a rectangle for each pixel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A picture at a place of a figure, each of its pixels as a rectangle.
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

    /// As an element of an SVG.
    pub(super) fn to_svg(&self) -> Result<String, png::EncodingError> {
        let (columns, rows, side) = (self.columns as u32, self.rows() as u32, self.side);
        let file = BASE64_STANDARD.encode(encode(&self.pixels, columns, rows)?);
        Ok(format!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{file}\"/>\n",
            self.left,
            self.top,
            columns * side,
            rows * side
        ))
    }

    /// Into the pixels of a figure of this width; what lies outside is left out.
    pub(super) fn draw(&self, figure: &mut [u8], width: usize) {
        let side = self.side as usize;
        let place = |at: i32, by: usize| usize::try_from(i64::from(at) + by as i64).ok();
        for y in 0..self.rows() * side {
            let Some(row) = place(self.top, y) else { continue };
            for x in 0..self.columns * side {
                let Some(column) = place(self.left, x).filter(|&column| column < width) else {
                    continue;
                };
                let from = 3 * (y / side * self.columns + x / side);
                let to = 3 * (row * width + column);
                if let Some(target) = figure.get_mut(to..to + 3) {
                    target.copy_from_slice(&self.pixels[from..from + 3]);
                }
            }
        }
    }
}

/// The bytes of a PNG file, of one byte a pixel if there are at most 256 colours.
pub(super) fn encode(
    pixels: &[u8],
    width: u32,
    height: u32,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    let indexed = indexed(pixels);
    encoder.set_color(png::ColorType::Rgb);
    // In flat colours neighbours' differences say nothing: a heat map takes a tenth of the default's bytes.
    encoder.set_filter(png::FilterType::NoFilter);
    encoder.set_compression(png::Compression::Best);
    if let Some((palette, _)) = &indexed {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette.as_slice());
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(indexed.as_ref().map_or(pixels, |(_, indices)| indices))?;
    writer.finish()?;
    Ok(file)
}

/// The colours one after the other, and the index of each pixel's.
fn indexed(pixels: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut palette, mut known) = (Vec::new(), HashMap::new());
    let index = |color: &[u8]| {
        let next = u8::try_from(known.len());
        match known.entry([color[0], color[1], color[2]]) {
            Entry::Occupied(it) => Some(*it.get()),
            Entry::Vacant(place) => {
                let next = next.ok()?;
                palette.extend_from_slice(color);
                Some(*place.insert(next))
            }
        }
    };
    let indices = pixels.chunks_exact(3).map(index).collect::<Option<Vec<u8>>>()?;
    Some((palette, indices))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_indexed_and_many_are_not() {
        let pixels = |colors: u32| -> Vec<u8> {
            (0..400u32).flat_map(|i| [(i % colors) as u8, ((i % colors) >> 8) as u8, 7]).collect()
        };
        for colors in [1, 256, 257] {
            let pixels = pixels(colors);
            let file = encode(&pixels, 20, 20).unwrap();
            let mut decoder = png::Decoder::new(file.as_slice());
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut decoded = vec![0; reader.output_buffer_size()];
            reader.next_frame(&mut decoded).unwrap();
            assert!(decoded == pixels, "{colors}");
        }
        assert!(indexed(&pixels(257)).is_none() && indexed(&pixels(256)).is_some());
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let raster = Raster { left: -1, top: 1, side: 2, columns: 2, pixels: (1..=12).collect() };
        let mut figure = vec![0; 3 * 3 * 3];
        raster.draw(&mut figure, 3);
        let red: Vec<u8> = figure.iter().step_by(3).copied().collect();
        assert_eq!(red, [0, 0, 0, 1, 4, 4, 1, 4, 4]);
    }
}
