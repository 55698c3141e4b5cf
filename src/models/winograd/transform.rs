//! The three transforms, with the matrices of equation 7: of kernels (G), of patches (B') and of
//! outputs (A').

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps, _mm512_sub_ps,
};

use super::{ELEMENTS, LANES, TILES};

/// Where a tile lies: its image and the first of its outputs.
pub(super) struct Place {
    pub image: usize,
    pub y: usize,
    pub x: usize,
    pub height: usize,
    pub width: usize,
}

impl Place {
    /// Where the channels of pixel (y, x) begin in images (B, H, W, channels), if it is inside.
    fn pixel(&self, y: usize, x: usize, channels: usize) -> Option<usize> {
        let inside = y < self.height && x < self.width;
        inside.then_some(((self.image * self.height + y) * self.width + x) * channels)
    }
}

/// What follows the convolution: bias (channels), a shortcut (B, H, W, channels), and the least
/// value that is let through.
pub(super) struct Epilogue<'a> {
    pub bias: &'a [f32],
    pub shortcut: Option<&'a [f32]>,
    pub least: f32,
}

/// G g G' of a kernel of 3x3.
pub(super) fn kernel(g: &[f32]) -> [f32; ELEMENTS] {
    let along = |g: [f32; 3]| [g[0], (g[0] + g[1] + g[2]) / 2.0, (g[0] - g[1] + g[2]) / 2.0, g[2]];
    let columns = [0, 1, 2].map(|x| along([g[x], g[3 + x], g[6 + x]]));
    let mut transformed = [0.0; ELEMENTS];
    for y in 0..4 {
        let row = along([columns[0][y], columns[1][y], columns[2][y]]);
        transformed[4 * y..4 * y + 4].copy_from_slice(&row);
    }
    transformed
}

/// B' d B of the patch at `place`, which begins one pixel before the tile's outputs, of images
/// (B, H, W, channels), into row `tile` of every element's matrix (64, channels).
#[target_feature(enable = "avx512f")]
pub(super) fn patch(
    images: &[f32],
    place: &Place,
    patches: &mut [f32],
    tile: usize,
    channels: usize,
) {
    let pixel = |dy: usize, dx: usize| {
        place.pixel((place.y + dy).checked_sub(1)?, (place.x + dx).checked_sub(1)?, channels)
    };
    let pixels: [Option<usize>; ELEMENTS] = std::array::from_fn(|i| pixel(i / 4, i % 4));
    for channel in (0..channels).step_by(LANES) {
        let mut d = [[_mm512_setzero_ps(); 4]; 4];
        for (i, pixel) in pixels.iter().enumerate() {
            if let Some(start) = pixel {
                d[i % 4][i / 4] = load(images, start + channel);
            }
        }
        let [a, b, c, d] = d;
        let (a, b, c, d) = (along_patch(a), along_patch(b), along_patch(c), along_patch(d));
        for y in 0..4 {
            let row = along_patch([a[y], b[y], c[y], d[y]]);
            for (x, &value) in row.iter().enumerate() {
                store(patches, ((4 * y + x) * TILES + tile) * channels + channel, value);
            }
        }
    }
}

/// A' m A and what follows, of row `tile` of every element's matrix (64, channels), to
/// the tile's place in `out` (B, H, W, channels).
#[target_feature(enable = "avx512f")]
pub(super) fn output(
    products: &[f32],
    tile: usize,
    epilogue: &Epilogue<'_>,
    place: &Place,
    out: &mut [f32],
) {
    let channels = epilogue.bias.len();
    let least = _mm512_set1_ps(epilogue.least);
    for channel in (0..channels).step_by(LANES) {
        let mut m = [[_mm512_setzero_ps(); 4]; 4];
        for element in 0..ELEMENTS {
            let start = (element * TILES + tile) * channels + channel;
            m[element % 4][element / 4] = load(products, start);
        }
        let [a, b, c, d] = m;
        let (a, b, c, d) = (along_output(a), along_output(b), along_output(c), along_output(d));
        let bias = load(epilogue.bias, channel);
        for dy in 0..2 {
            let row = along_output([a[dy], b[dy], c[dy], d[dy]]);
            for (dx, &value) in row.iter().enumerate() {
                let Some(start) = place.pixel(place.y + dy, place.x + dx, channels) else {
                    continue;
                };
                let mut value = _mm512_add_ps(value, bias);
                if let Some(shortcut) = epilogue.shortcut {
                    value = _mm512_add_ps(value, load(shortcut, start + channel));
                }
                store(out, start + channel, _mm512_max_ps(value, least));
            }
        }
    }
}

/// B' d of one column.
#[inline]
#[target_feature(enable = "avx512f")]
fn along_patch(d: [__m512; 4]) -> [__m512; 4] {
    [
        _mm512_sub_ps(d[0], d[2]),
        _mm512_add_ps(d[1], d[2]),
        _mm512_sub_ps(d[2], d[1]),
        _mm512_sub_ps(d[1], d[3]),
    ]
}

/// A' m of one column.
#[inline]
#[target_feature(enable = "avx512f")]
fn along_output(m: [__m512; 4]) -> [__m512; 2] {
    [_mm512_add_ps(_mm512_add_ps(m[0], m[1]), m[2]), _mm512_sub_ps(_mm512_sub_ps(m[1], m[2]), m[3])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(from: &[f32], start: usize) -> __m512 {
    let lane = &from[start..start + LANES];
    // SAFETY: the slice has 16 values.
    unsafe { _mm512_loadu_ps(lane.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(to: &mut [f32], start: usize, value: __m512) {
    let lane = &mut to[start..start + LANES];
    // SAFETY: the slice has 16 values.
    unsafe { _mm512_storeu_ps(lane.as_mut_ptr(), value) }
}
