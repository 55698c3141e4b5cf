//! The transforms of equation 7: with B' of patches, with A' of outputs, with G of kernels.

use super::ELEMENTS;
use super::numbers::Numbers;
use super::tiles::Place;
use super::vector::Vector;

/// What the elements of a tile are computed from.
pub(super) trait OfPixels {
    /// The elements of 16 channels, from `channel` on, of the tile at `place` of images (B, H, W,
    /// channels).
    fn elements<N: Numbers>(
        images: &[N::Number],
        channels: usize,
        place: &Place,
        channel: usize,
    ) -> [Vector; ELEMENTS];
}

/// B' d B of the patch d of 4x4 pixels, which begins one pixel before the tile.
pub(super) struct Patch;

impl OfPixels for Patch {
    #[inline(always)]
    fn elements<N: Numbers>(
        images: &[N::Number],
        channels: usize,
        place: &Place,
        channel: usize,
    ) -> [Vector; ELEMENTS] {
        let mut d = [[Vector::zero(); 4]; 4];
        for (dy, row) in d.iter_mut().enumerate() {
            for (dx, value) in row.iter_mut().enumerate() {
                let (y, x) = ((place.y + dy).wrapping_sub(1), (place.x + dx).wrapping_sub(1));
                if let Some(start) = place.pixel(y, x, channels) {
                    *value = N::load(images, start + channel);
                }
            }
        }
        let mut columns = [[Vector::zero(); 4]; 4];
        for x in 0..4 {
            columns[x] = along_patch([d[0][x], d[1][x], d[2][x], d[3][x]]);
        }
        let [a, b, c, d] = columns;
        let mut elements = [Vector::zero(); ELEMENTS];
        for y in 0..4 {
            elements[4 * y..4 * y + 4].copy_from_slice(&along_patch([a[y], b[y], c[y], d[y]]));
        }
        elements
    }
}

/// A dY A' of the tile's gradient dY of 2x2 pixels.
pub(super) struct Gradient;

impl OfPixels for Gradient {
    #[inline(always)]
    fn elements<N: Numbers>(
        images: &[N::Number],
        channels: usize,
        place: &Place,
        channel: usize,
    ) -> [Vector; ELEMENTS] {
        let mut y = [Vector::zero(); 4];
        for (i, value) in y.iter_mut().enumerate() {
            if let Some(start) = place.pixel(place.y + i / 2, place.x + i % 2, channels) {
                *value = N::load(images, start + channel);
            }
        }
        let (left, right) = (along_gradient([y[0], y[2]]), along_gradient([y[1], y[3]]));
        let mut elements = [Vector::zero(); ELEMENTS];
        for y in 0..4 {
            elements[4 * y..4 * y + 4].copy_from_slice(&along_gradient([left[y], right[y]]));
        }
        elements
    }
}

/// A' m A of 16 channels: the four outputs of a tile.
#[inline(always)]
pub(super) fn output(m: [Vector; ELEMENTS]) -> [Vector; 4] {
    let mut columns = [[Vector::zero(); 2]; 4];
    for x in 0..4 {
        columns[x] = along_output([m[x], m[4 + x], m[8 + x], m[12 + x]]);
    }
    let [a, b, c, d] = columns;
    let top = along_output([a[0], b[0], c[0], d[0]]);
    let bottom = along_output([a[1], b[1], c[1], d[1]]);
    [top[0], top[1], bottom[0], bottom[1]]
}

/// G g G' of 16 kernels of 3x3.
#[inline(always)]
pub(super) fn kernel(g: [Vector; 9]) -> [Vector; ELEMENTS] {
    let mut columns = [[Vector::zero(); 4]; 3];
    for x in 0..3 {
        columns[x] = along_kernel([g[x], g[3 + x], g[6 + x]]);
    }
    let [a, b, c] = columns;
    let mut elements = [Vector::zero(); ELEMENTS];
    for y in 0..4 {
        elements[4 * y..4 * y + 4].copy_from_slice(&along_kernel([a[y], b[y], c[y]]));
    }
    elements
}

/// G' u G of 16 kernels: their gradients from those of their elements.
#[inline(always)]
pub(super) fn kernel_gradient(u: [Vector; ELEMENTS]) -> [Vector; 9] {
    let mut columns = [[Vector::zero(); 3]; 4];
    for x in 0..4 {
        columns[x] = along_elements([u[x], u[4 + x], u[8 + x], u[12 + x]]);
    }
    let [a, b, c, d] = columns;
    let mut pixels = [Vector::zero(); 9];
    for y in 0..3 {
        pixels[3 * y..3 * y + 3].copy_from_slice(&along_elements([a[y], b[y], c[y], d[y]]));
    }
    pixels
}

/// B' d of one column.
#[inline(always)]
fn along_patch(d: [Vector; 4]) -> [Vector; 4] {
    [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]
}

/// A' m of one column.
#[inline(always)]
fn along_output(m: [Vector; 4]) -> [Vector; 2] {
    [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]
}

/// A y of one column.
#[inline(always)]
fn along_gradient(y: [Vector; 2]) -> [Vector; 4] {
    [y[0], y[0] + y[1], y[0] - y[1], Vector::zero() - y[1]]
}

/// G g of one column.
#[inline(always)]
fn along_kernel(g: [Vector; 3]) -> [Vector; 4] {
    let half = Vector::splat(0.5);
    let (outer, middle) = (half * (g[0] + g[2]), half * g[1]);
    [g[0], outer + middle, outer - middle, g[2]]
}

/// G' u of one column.
#[inline(always)]
fn along_elements(u: [Vector; 4]) -> [Vector; 3] {
    let half = Vector::splat(0.5);
    let sum = half * (u[1] + u[2]);
    [u[0] + sum, half * (u[1] - u[2]), u[3] + sum]
}
