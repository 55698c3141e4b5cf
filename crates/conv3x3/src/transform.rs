//! The transforms of equation 7: with B' of patches, with A' of outputs, with G of filters.

use super::TILE_POINTS;
use super::element::Element;
use super::tiles::Tile;
use super::vector::{Avx512F, Vector};

/// What the points of a tile are computed from.
pub(super) trait FromPixels {
    /// The points of 16 channels, from `channel` on, of a tile of images (B, H, W, channels).
    fn points<E: Element>(
        element: E,
        images: &[E::Value],
        channels: usize,
        tile: &Tile,
        channel: usize,
    ) -> [Vector; TILE_POINTS];
}

/// B' d B of the patch d of 4x4 pixels, which begins one pixel before the tile.
pub(super) struct Patch;

impl FromPixels for Patch {
    #[inline(always)]
    fn points<E: Element>(
        element: E,
        images: &[E::Value],
        channels: usize,
        tile: &Tile,
        channel: usize,
    ) -> [Vector; TILE_POINTS] {
        let mut d = [element.simd().zero(); 16];
        for (i, value) in d.iter_mut().enumerate() {
            let (y, x) = ((tile.y + i / 4).wrapping_sub(1), (tile.x + i % 4).wrapping_sub(1));
            if let Some(start) = tile.pixel(y, x, channels) {
                *value = element.load(images, start + channel);
            }
        }
        on_both_sides::<Self, 4, 4, 16, TILE_POINTS>(element.simd(), d)
    }
}

/// A dY A' of the tile's gradient dY of 2x2 pixels.
pub(super) struct Gradient;

impl FromPixels for Gradient {
    #[inline(always)]
    fn points<E: Element>(
        element: E,
        images: &[E::Value],
        channels: usize,
        tile: &Tile,
        channel: usize,
    ) -> [Vector; TILE_POINTS] {
        let mut y = [element.simd().zero(); 4];
        for (i, value) in y.iter_mut().enumerate() {
            if let Some(start) = tile.pixel(tile.y + i / 2, tile.x + i % 2, channels) {
                *value = element.load(images, start + channel);
            }
        }
        on_both_sides::<Self, 2, 4, 4, TILE_POINTS>(element.simd(), y)
    }
}

/// A' m A of 16 channels: the four outputs of a tile.
#[inline(always)]
pub(super) fn output(simd: Avx512F, m: [Vector; TILE_POINTS]) -> [Vector; 4] {
    on_both_sides::<Output, 4, 2, TILE_POINTS, 4>(simd, m)
}

/// G g G' of 16 filters of 3x3.
#[inline(always)]
pub(super) fn filter(simd: Avx512F, g: [Vector; 9]) -> [Vector; TILE_POINTS] {
    on_both_sides::<Filter, 3, 4, 9, TILE_POINTS>(simd, g)
}

/// G' u G of 16 filters: their gradients from those of their points.
#[inline(always)]
pub(super) fn filter_gradient(simd: Avx512F, u: [Vector; TILE_POINTS]) -> [Vector; 9] {
    on_both_sides::<FilterGradient, 4, 3, TILE_POINTS, 9>(simd, u)
}

/// M x M' of x (FROM, FROM), row by row. A type instead of a closure, for a closure need not be inlined.
#[inline(always)]
fn on_both_sides<M, const FROM: usize, const TO: usize, const IN: usize, const OUT: usize>(
    simd: Avx512F,
    x: [Vector; IN],
) -> [Vector; OUT]
where
    M: Transform1d<FROM, TO>,
{
    const { assert!(IN == FROM * FROM && OUT == TO * TO) };
    let mut columns = [[simd.zero(); TO]; FROM];
    for (i, column) in columns.iter_mut().enumerate() {
        let mut values = [simd.zero(); FROM];
        for (y, value) in values.iter_mut().enumerate() {
            *value = x[FROM * y + i];
        }
        *column = M::apply(simd, values);
    }
    let mut out = [simd.zero(); OUT];
    for y in 0..TO {
        let mut values = [simd.zero(); FROM];
        for (value, column) in values.iter_mut().zip(columns) {
            *value = column[y];
        }
        out[TO * y..TO * (y + 1)].copy_from_slice(&M::apply(simd, values));
    }
    out
}

/// A matrix, by what it makes of a column.
trait Transform1d<const FROM: usize, const TO: usize> {
    fn apply(simd: Avx512F, column: [Vector; FROM]) -> [Vector; TO];
}

/// B'
impl Transform1d<4, 4> for Patch {
    #[inline(always)]
    fn apply(_: Avx512F, d: [Vector; 4]) -> [Vector; 4] {
        [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]
    }
}

/// A
impl Transform1d<2, 4> for Gradient {
    #[inline(always)]
    fn apply(simd: Avx512F, y: [Vector; 2]) -> [Vector; 4] {
        [y[0], y[0] + y[1], y[0] - y[1], simd.zero() - y[1]]
    }
}

/// A'
struct Output;

impl Transform1d<4, 2> for Output {
    #[inline(always)]
    fn apply(_: Avx512F, m: [Vector; 4]) -> [Vector; 2] {
        [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]
    }
}

/// G
struct Filter;

impl Transform1d<3, 4> for Filter {
    #[inline(always)]
    fn apply(simd: Avx512F, g: [Vector; 3]) -> [Vector; 4] {
        let half = simd.splat(0.5);
        let (outer, middle) = (half * (g[0] + g[2]), half * g[1]);
        [g[0], outer + middle, outer - middle, g[2]]
    }
}

/// G'
struct FilterGradient;

impl Transform1d<4, 3> for FilterGradient {
    #[inline(always)]
    fn apply(simd: Avx512F, u: [Vector; 4]) -> [Vector; 3] {
        let half = simd.splat(0.5);
        let sum = half * (u[1] + u[2]);
        [u[0] + sum, half * (u[1] - u[2]), u[3] + sum]
    }
}
