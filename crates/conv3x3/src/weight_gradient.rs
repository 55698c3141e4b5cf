//! The gradient of a weight.

use std::sync::Mutex;

use super::element::{Element, Work};
use super::packed_filters::PackedFilters;
use super::product::{COLUMNS, multiply_transposed};
use super::tiles::{Images, PointMatrices};
use super::transform::{self, FromPixels, Gradient, Patch};
use super::{LANES, TILE_POINTS};

/// The gradient (output, 3, 3, input) of a weight, from images x (B, H, W, input) and the gradients of
/// the outputs (B, H, W, output).
///
/// Images are divided into parts, one for each thread: sums in a fixed order, of the same images
/// whenever their number and that of the threads are the same.
#[derive(Clone, Copy, Debug)]
pub struct WeightGradient {
    /// Sizes of x and of the outputs.
    pub images: Images,
    /// Numbers of channels: [output, input].
    pub channels: [usize; 2],
    /// At least 1.
    pub threads: usize,
}

impl WeightGradient {
    /// Images of every part but the last, which may have fewer.
    fn images_in_part(&self) -> usize {
        self.images.count.div_ceil(self.threads.max(1))
    }

    /// Sums of one part.
    fn sums_in_part(&self) -> usize {
        TILE_POINTS * self.channels[0] * self.channels[1]
    }

    fn parts(&self) -> usize {
        self.images.count.div_ceil(self.images_in_part().max(1))
    }

    /// The room, in `f32`, that [`compute`](Self::compute) needs.
    pub fn room(&self) -> usize {
        self.parts() * self.sums_in_part()
    }

    /// Writes the gradient to `out`. What `room` held is overwritten. `parallel(parts, run)` calls
    /// `run` for every part, in any order and thread.
    ///
    /// # Panics
    /// If a slice has another length than its shape, or the channels do not
    /// [fit](crate::PackedFilters::fits_both_ways).
    pub fn compute<E: Element>(
        &self,
        element: E,
        x: &[E::Value],
        gradients: &[E::Value],
        room: &mut [f32],
        out: &mut [f32],
        parallel: impl Fn(usize, &(dyn Fn(usize) + Sync)),
    ) {
        let (images, [output, input]) = (self.images, self.channels);
        let pixels = images.count * images.pixels();
        assert!(x.len() == pixels * input && gradients.len() == pixels * output);
        assert!(room.len() == self.room() && out.len() == 9 * output * input);
        assert!(PackedFilters::<E>::fits_both_ways(self.channels));
        if pixels == 0 || out.is_empty() {
            return out.fill(0.0);
        }
        let pixels = self.images_in_part() * images.pixels();
        let parts = x.chunks(pixels * input).zip(gradients.chunks(pixels * output));
        let parts = parts.zip(room.chunks_mut(self.sums_in_part())).map(Mutex::new);
        let parts: Vec<_> = parts.collect();
        parallel(parts.len(), &|part| {
            let Ok(mut part) = parts[part].lock() else { return };
            let ((x, gradients), sums) = &mut *part;
            let images = Images { count: x.len() / (images.pixels() * input), ..images };
            element.run(PartialSums { element, x, gradients, images, sums });
        });
        drop(parts);
        let sums = &*room;
        let rows: Vec<_> = out.chunks_mut(9 * input).map(Mutex::new).collect();
        parallel(output, &|channel| {
            let Ok(mut row) = rows[channel].lock() else { return };
            element.run(GradientRow { element, sums, output, channel, row: &mut row });
        });
    }
}

/// sums (input / 32, 16, output, 32) = (A dY A')' (B' d B) of every point, summed over the tiles of x
/// (B, H, W, input) and gradients dY (B, H, W, output).
struct PartialSums<'a, E: Element> {
    element: E,
    x: &'a [E::Value],
    gradients: &'a [E::Value],
    images: Images,
    sums: &'a mut [f32],
}

/// Tiles whose products are summed at once: with many channels the sums do not fit the cache, and
/// are read and written less often.
fn tiles_at_once(channels: usize) -> usize {
    if channels < 512 { 64 } else { 256 }
}

impl<E: Element> Work for PartialSums<'_, E> {
    #[inline(always)]
    fn run(self) {
        let (element, images) = (self.element, self.images);
        let pixels = images.count * images.pixels();
        let (input, output) = (self.x.len() / pixels, self.gradients.len() / pixels);
        let rows = tiles_at_once(input.max(output)).min(images.tiles()).div_ceil(E::PER_UNIT);
        let mut patches = PointMatrices::new(input, rows);
        let mut gradients = PointMatrices::new(output, rows);
        for first in (0..images.tiles()).step_by(rows * E::PER_UNIT) {
            let count = rows.min((images.tiles() - first).div_ceil(E::PER_UNIT));
            for row in 0..count {
                let tile = first + row * E::PER_UNIT;
                pair::<E, Patch>(element, self.x, images, tile, &mut patches, row);
                pair::<E, Gradient>(element, self.gradients, images, tile, &mut gradients, row);
            }
            for (index, sums) in self.sums.chunks_exact_mut(output * COLUMNS).enumerate() {
                let (panel, point) = (index / TILE_POINTS, index % TILE_POINTS);
                let patches = &patches.point(point)[panel * COLUMNS * rows..];
                let patches = &patches[..COLUMNS * rows];
                let gradients = gradients.point(point);
                let size = [rows, count];
                multiply_transposed(element, gradients, patches, sums, size, first > 0);
            }
        }
    }
}

/// The points of a tile, and of the next one if a unit takes two, into a row of `points`.
#[inline(always)]
fn pair<E: Element, P: FromPixels>(
    element: E,
    pixels: &[E::Value],
    images: Images,
    tile: usize,
    matrices: &mut PointMatrices,
    row: usize,
) {
    let channels = matrices.columns();
    let existing = |tile: usize| (tile < images.tiles()).then(|| images.tile(tile));
    // Behind the last tile zeros take the place of the second.
    let tiles = [existing(tile), existing(tile + 1)];
    for channel in (0..channels).step_by(LANES) {
        let mut parts = [[element.simd().zero(); TILE_POINTS]; 2];
        for (points, tile) in parts.iter_mut().zip(&tiles).take(E::PER_UNIT) {
            if let Some(tile) = tile {
                *points = P::points(element, pixels, channels, tile, channel);
            }
        }
        matrices.store(row, channel, element.paired(parts));
    }
}

/// G' u G of the sums (parts, input / 32, 16, output, 32) of all parts: the gradient (9, input) of the
/// filters of an output channel.
struct GradientRow<'a, E> {
    element: E,
    sums: &'a [f32],
    output: usize,
    channel: usize,
    row: &'a mut [f32],
}

impl<E: Element> Work for GradientRow<'_, E> {
    #[inline(always)]
    fn run(self) {
        let (simd, input) = (self.element.simd(), self.row.len() / 9);
        for first in (0..input).step_by(LANES) {
            let (panel, half) = (first / COLUMNS, first % COLUMNS);
            let mut u = [simd.zero(); TILE_POINTS];
            for (point, sum) in u.iter_mut().enumerate() {
                let row = (panel * TILE_POINTS + point) * self.output + self.channel;
                for part in self.sums.chunks_exact(TILE_POINTS * input * self.output) {
                    *sum = *sum + simd.load(part, row * COLUMNS + half);
                }
            }
            for (pixel, value) in transform::filter_gradient(simd, u).into_iter().enumerate() {
                value.store(self.row, pixel * input + first);
            }
        }
    }
}
