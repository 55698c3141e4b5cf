//! Pixels as a PNG file, without loss, and as small as simple means make it.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, FlushCompress};
use png::{BitDepth, ColorType, Encoder, EncodingError};

use super::pixels::Pixels;

/// The most colours that a PNG numbers.
const MOST_COLORS: usize = 256;

/// How a pixel is stored.
enum Stored {
    /// Each colour's number.
    Number(HashMap<[u8; 4], u8>),
    /// Red, green and blue; this colour, which no other pixel has, if it is not seen.
    Rgb([u8; 3]),
    /// With its opacity.
    Rgba,
}

/// The file.
///
/// Few colours are numbered: a byte a pixel. Else a pixel that is not seen at all has a colour which no
/// other has, so that no opacity needs to be stored, and of the ways to store a row (as it is, as
/// differences to the pixel before or to the row above) each has the one that deflate makes least of.
/// Lesson 00's six grids of noisy images take 0.54 MB so, and 2.2 MB with the encoder's
/// defaults.
pub(super) fn png(pixels: &Pixels) -> Result<Vec<u8>, EncodingError> {
    let (width, height) = pixels.size;
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_depth(BitDepth::Eight);
    let stored = if let Some(colors) = few(&pixels.rgba) {
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(colors.iter().flat_map(|c| [c[0], c[1], c[2]]).collect::<Vec<_>>());
        // Opacities are listed up to the last that is not full.
        let partial = colors.iter().rposition(|color| color[3] < 255).map_or(0, |last| last + 1);
        if partial > 0 {
            encoder.set_trns(colors[..partial].iter().map(|color| color[3]).collect::<Vec<_>>());
        }
        Stored::Number(colors.into_iter().zip(0..=u8::MAX).collect())
    } else if let Some(unused) = unused(&pixels.rgba) {
        encoder.set_color(ColorType::Rgb);
        if pixels.rgba.iter().any(|color| color[3] == 0) {
            encoder.set_trns(unused.iter().flat_map(|&byte| [0, byte]).collect::<Vec<_>>());
        }
        Stored::Rgb(unused)
    } else {
        encoder.set_color(ColorType::Rgba);
        Stored::Rgba
    };
    let data = rows(pixels, &stored)?;
    let mut writer = encoder.write_header()?;
    writer.write_chunk(png::chunk::IDAT, &data)?;
    writer.finish()?;
    Ok(file)
}

/// The rows, each after the number of the way in which it is stored, deflated.
fn rows(pixels: &Pixels, stored: &Stored) -> std::io::Result<Vec<u8>> {
    let mut data = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut least = Least::new(4 * pixels.size.0 as usize);
    let mut above = Vec::new();
    for row in pixels.rgba.chunks_exact(pixels.size.0 as usize) {
        let row: Vec<u8> = match stored {
            Stored::Number(numbers) => row.iter().map(|color| numbers[color]).collect(),
            Stored::Rgb(unused) => {
                let rgb = |&[r, g, b, seen]: &[u8; 4]| if seen == 0 { *unused } else { [r, g, b] };
                row.iter().flat_map(rgb).collect()
            }
            Stored::Rgba => row.as_flattened().to_vec(),
        };
        let depth = row.len() / pixels.size.0 as usize;
        above.resize(row.len(), 0);
        let up = || row.iter().zip(&above).map(|(a, b)| a.wrapping_sub(*b)).collect::<Vec<u8>>();
        let (number, kept) = if matches!(stored, Stored::Number(_)) {
            // Differences of numbers mean nothing.
            (0, row.clone())
        } else if row == above {
            (2, up())
        } else {
            let before = |i: usize| if i < depth { 0 } else { row[i - depth] };
            let sub = row.iter().enumerate().map(|(i, byte)| byte.wrapping_sub(before(i)));
            least.of([(0, row.clone()), (1, sub.collect()), (2, up())])?
        };
        data.write_all(&[number])?;
        data.write_all(&kept)?;
        above = row;
    }
    data.finish()
}

/// Finds of which row deflate makes least.
struct Least {
    deflate: Compress,
    buffer: Vec<u8>,
}

impl Least {
    fn new(longest: usize) -> Self {
        let buffer = vec![0; 2 * longest + 64];
        Self { deflate: Compress::new(Compression::fast(), false), buffer }
    }

    fn of(&mut self, rows: [(u8, Vec<u8>); 3]) -> std::io::Result<(u8, Vec<u8>)> {
        let mut least: Option<(u64, (u8, Vec<u8>))> = None;
        for row in rows {
            self.deflate.reset();
            self.deflate.compress(&row.1, &mut self.buffer, FlushCompress::Finish)?;
            let size = self.deflate.total_out();
            if least.as_ref().is_none_or(|(least, _)| size < *least) {
                least = Some((size, row));
            }
        }
        Ok(least.map_or((0, Vec::new()), |(_, row)| row))
    }
}

/// All colours, unless there are too many to number.
fn few(pixels: &[[u8; 4]]) -> Option<Vec<[u8; 4]>> {
    let (mut colors, mut known) = (Vec::new(), HashSet::new());
    for run in pixels.chunk_by(|a, b| a == b) {
        if known.insert(run[0]) {
            colors.push(run[0]);
            if colors.len() > MOST_COLORS {
                return None;
            }
        }
    }
    Some(colors)
}

/// A colour that no pixel has, if each pixel is seen either wholly or not at all.
fn unused(pixels: &[[u8; 4]]) -> Option<[u8; 3]> {
    if pixels.iter().any(|color| !matches!(color[3], 0 | 255)) {
        return None;
    }
    let seen = pixels.iter().filter(|color| color[3] == 255);
    let used: HashSet<[u8; 3]> = seen.map(|&[r, g, b, _]| [r, g, b]).collect();
    let mut colors = (0..1_u32 << 24).map(|color| {
        let [r, g, b, _] = color.to_le_bytes();
        [r, g, b]
    });
    colors.find(|color| !used.contains(color))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader of the file sees.
    fn decoded(file: &[u8]) -> (Vec<[u8; 4]>, ColorType) {
        let mut decoder = png::Decoder::new(file);
        let color = decoder.read_header_info().unwrap().color_type;
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(info.color_type, ColorType::Rgba);
        (bytes.chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]]).collect(), color)
    }

    #[test]
    fn any_pixels_come_back() {
        let noise = |i: u32, n: u32| i.wrapping_mul(2_654_435_761).rotate_left(9) % n;
        let color = |colors, opacities| {
            move |i: u32| {
                let [r, g, b, _] = noise(noise(i, colors) + 1, 1 << 24).to_le_bytes();
                [r, g, b, 255 - noise(i, opacities) as u8]
            }
        };
        type Color = Box<dyn Fn(u32) -> [u8; 4]>;
        let cases: [(Color, ColorType); 8] = [
            (Box::new(color(1, 1)), ColorType::Indexed),
            (Box::new(color(256, 1)), ColorType::Indexed),
            (Box::new(color(5, 7)), ColorType::Indexed),
            (Box::new(|i| [0, 0, 0, (i % 256) as u8]), ColorType::Indexed),
            (Box::new(|i| [(i % 257) as u8, (i % 257 == 256) as u8, 0, 255]), ColorType::Rgb),
            (Box::new(color(5_000, 1)), ColorType::Rgb),
            (
                Box::new(|i| [i as u8, (i >> 8) as u8, 0, if i % 3 == 0 { 0 } else { 255 }]),
                ColorType::Rgb,
            ),
            (Box::new(color(5_000, 256)), ColorType::Rgba),
        ];
        for (number, (color, kind)) in cases.iter().enumerate() {
            for size in [(1, 2_000), (2_000, 1), (37, 61)] {
                let rgba: Vec<_> = (0..size.0 * size.1).map(color).collect();
                let file = png(&Pixels { size, rgba: rgba.clone() }).unwrap();
                let (seen, found) = decoded(&file);
                assert_eq!(found, *kind, "case {number}, {size:?}");
                // What is not seen has no colour.
                let same = |a: &[u8; 4], b: &[u8; 4]| a == b || (a[3] == 0 && b[3] == 0);
                assert!(seen.iter().zip(&rgba).all(|(a, b)| same(a, b)), "case {number}, {size:?}");
            }
        }
    }
}
