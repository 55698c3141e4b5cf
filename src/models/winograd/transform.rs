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
        let mut d = [Vector::zero(); 16];
        for (i, value) in d.iter_mut().enumerate() {
            let (y, x) = ((place.y + i / 4).wrapping_sub(1), (place.x + i % 4).wrapping_sub(1));
            if let Some(start) = place.pixel(y, x, channels) {
                *value = N::load(images, start + channel);
            }
        }
        on_both_sides::<Self, 4, 4, 16, ELEMENTS>(d)
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
        on_both_sides::<Self, 2, 4, 4, ELEMENTS>(y)
    }
}

/// A' m A of 16 channels: the four outputs of a tile.
#[inline(always)]
pub(super) fn output(m: [Vector; ELEMENTS]) -> [Vector; 4] {
    on_both_sides::<Output, 4, 2, ELEMENTS, 4>(m)
}

/// G g G' of 16 kernels of 3x3.
#[inline(always)]
pub(super) fn kernel(g: [Vector; 9]) -> [Vector; ELEMENTS] {
    on_both_sides::<Kernel, 3, 4, 9, ELEMENTS>(g)
}

/// G' u G of 16 kernels: their gradients from those of their elements.
#[inline(always)]
pub(super) fn kernel_gradient(u: [Vector; ELEMENTS]) -> [Vector; 9] {
    on_both_sides::<KernelGradient, 4, 3, ELEMENTS, 9>(u)
}

/// M x M' of x (FROM, FROM), row by row. A type instead of a closure, for a closure need not be inlined.
#[inline(always)]
fn on_both_sides<M, const FROM: usize, const TO: usize, const IN: usize, const OUT: usize>(
    x: [Vector; IN],
) -> [Vector; OUT]
where
    M: Along<FROM, TO>,
{
    const { assert!(IN == FROM * FROM && OUT == TO * TO) };
    let mut columns = [[Vector::zero(); TO]; FROM];
    for (i, column) in columns.iter_mut().enumerate() {
        let mut values = [Vector::zero(); FROM];
        for (y, value) in values.iter_mut().enumerate() {
            *value = x[FROM * y + i];
        }
        *column = M::along(values);
    }
    let mut out = [Vector::zero(); OUT];
    for y in 0..TO {
        let mut values = [Vector::zero(); FROM];
        for (value, column) in values.iter_mut().zip(columns) {
            *value = column[y];
        }
        out[TO * y..TO * (y + 1)].copy_from_slice(&M::along(values));
    }
    out
}

/// A matrix, by what it makes of a column.
trait Along<const FROM: usize, const TO: usize> {
    fn along(column: [Vector; FROM]) -> [Vector; TO];
}

/// B'
impl Along<4, 4> for Patch {
    #[inline(always)]
    fn along(d: [Vector; 4]) -> [Vector; 4] {
        [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]
    }
}

/// A
impl Along<2, 4> for Gradient {
    #[inline(always)]
    fn along(y: [Vector; 2]) -> [Vector; 4] {
        [y[0], y[0] + y[1], y[0] - y[1], Vector::zero() - y[1]]
    }
}

/// A'
struct Output;

impl Along<4, 2> for Output {
    #[inline(always)]
    fn along(m: [Vector; 4]) -> [Vector; 2] {
        [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]
    }
}

/// G
struct Kernel;

impl Along<3, 4> for Kernel {
    #[inline(always)]
    fn along(g: [Vector; 3]) -> [Vector; 4] {
        let half = Vector::splat(0.5);
        let (outer, middle) = (half * (g[0] + g[2]), half * g[1]);
        [g[0], outer + middle, outer - middle, g[2]]
    }
}

/// G'
struct KernelGradient;

impl Along<4, 3> for KernelGradient {
    #[inline(always)]
    fn along(u: [Vector; 4]) -> [Vector; 3] {
        let half = Vector::splat(0.5);
        let sum = half * (u[1] + u[2]);
        [u[0] + sum, half * (u[1] - u[2]), u[3] + sum]
    }
}
