//! A convolution of images.

use std::sync::Mutex;

use super::element::{Element, Work};
use super::packed_filters::PackedFilters;
use super::product::{COLUMNS, ROWS, multiply};
use super::tiles::{Images, PointMatrices};
use super::transform::{self, FromPixels, Patch};
use super::{LANES, TILE_POINTS};

/// Tiles whose transformed patches are multiplied at once: most layers' fit the second-level cache.
const TILES: usize = 64;

/// What follows a convolution: bias (channels), a shortcut (B, H, W, channels), and the least value
/// that is let through.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, Value> {
    /// Added to every pixel.
    pub bias: Option<&'a [f32]>,
    /// Added after the bias.
    pub shortcut: Option<&'a [Value]>,
    /// Smaller values become this one: 0 for a ReLU.
    pub least: f32,
}

/// Nothing follows.
impl<Value> Default for Epilogue<'_, Value> {
    fn default() -> Self {
        Self { bias: None, shortcut: None, least: f32::NEG_INFINITY }
    }
}

impl<E: Element> PackedFilters<E> {
    /// out (B, H, W, output) = the convolution of x (B, H, W, input), with stride 1 and padding 1, and
    /// what follows it. Computes in this thread.
    ///
    /// # Panics
    /// If a slice has another length than its shape.
    pub fn convolve(
        &self,
        x: &[E::Value],
        images: Images,
        epilogue: &Epilogue<'_, E::Value>,
        out: &mut [E::Value],
    ) {
        let pixels = images.count * images.pixels();
        assert!(x.len() == pixels * self.input() && out.len() == pixels * self.output());
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == self.output()));
        assert!(epilogue.shortcut.is_none_or(|shortcut| shortcut.len() == out.len()));
        self.element().run(Convolution { x, filters: self, epilogue, out, images });
    }

    /// The same without anything that follows, spread over threads: `parallel(parts, run)` calls `run`
    /// for every part.
    ///
    /// # Panics
    /// If a slice has another length than its shape.
    pub fn convolve_in_parallel(
        &self,
        x: &[E::Value],
        images: Images,
        out: &mut [E::Value],
        parallel: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) {
        let pixels = images.count * images.pixels();
        assert!(x.len() == pixels * self.input() && out.len() == pixels * self.output());
        if pixels == 0 {
            return;
        }
        // Whole images, so that no two threads write to the same one.
        let pixels = TILES.div_ceil(images.tiles_per_image()) * images.pixels();
        let x = x.chunks(pixels * self.input());
        let parts = x.zip(out.chunks_mut(pixels * self.output())).map(Mutex::new);
        let parts: Vec<_> = parts.collect();
        parallel(parts.len(), &|part| {
            let Ok(mut part) = parts[part].lock() else { return };
            let (x, out) = &mut *part;
            let count = x.len() / (images.pixels() * self.input());
            self.convolve(x, Images { count, ..images }, &Epilogue::default(), out);
        });
    }
}

struct Convolution<'a, E: Element> {
    x: &'a [E::Value],
    filters: &'a PackedFilters<E>,
    epilogue: &'a Epilogue<'a, E::Value>,
    out: &'a mut [E::Value],
    images: Images,
}

impl<E: Element> Work for Convolution<'_, E> {
    #[inline(always)]
    fn run(mut self) {
        let (images, filters) = (self.images, self.filters);
        let mut patches = PointMatrices::new(filters.input() / E::PER_UNIT, TILES);
        let mut products = PointMatrices::new(filters.output(), TILES);
        for first in (0..images.tiles()).step_by(TILES) {
            let count = TILES.min(images.tiles() - first);
            for tile in 0..count {
                self.patch(first + tile, tile, &mut patches);
            }
            // What lies behind the last tile is left over from others and is not read again.
            let rows = count.next_multiple_of(ROWS);
            for point in 0..TILE_POINTS {
                let patches = patches.point(point);
                let panels = products.point_mut(point).chunks_exact_mut(COLUMNS * TILES);
                for (panel, products) in panels.enumerate() {
                    let filters = filters.panel(panel, point);
                    multiply(self.filters.element(), patches, filters, products, TILES, rows);
                }
            }
            for tile in 0..count {
                self.output(first + tile, &products, tile);
            }
        }
    }
}

impl<E: Element> Convolution<'_, E> {
    /// The patch of a tile into a row of `patches`.
    #[inline(always)]
    fn patch(&self, tile: usize, row: usize, patches: &mut PointMatrices) {
        let (element, tile) = (self.filters.element(), self.images.tile(tile));
        for column in (0..patches.columns()).step_by(LANES) {
            let mut parts = [[element.simd().zero(); TILE_POINTS]; 2];
            for (part, points) in parts.iter_mut().enumerate().take(E::PER_UNIT) {
                let channel = column * E::PER_UNIT + part * LANES;
                *points = Patch::points(element, self.x, self.filters.input(), &tile, channel);
            }
            patches.store(row, column, element.in_turn(parts));
        }
    }

    /// The outputs of a tile from a row of `products`.
    #[inline(always)]
    fn output(&mut self, tile: usize, products: &PointMatrices, row: usize) {
        let element = self.filters.element();
        let (simd, tile) = (element.simd(), self.images.tile(tile));
        let least = simd.splat(self.epilogue.least);
        for channel in (0..products.columns()).step_by(LANES) {
            let values = transform::output(simd, products.load(simd, row, channel));
            let bias = self.epilogue.bias.map(|bias| simd.load(bias, channel));
            for (i, mut value) in values.into_iter().enumerate() {
                let pixel = tile.pixel(tile.y + i / 2, tile.x + i % 2, products.columns());
                let Some(start) = pixel else { continue };
                if let Some(bias) = bias {
                    value = value + bias;
                }
                if let Some(shortcut) = self.epilogue.shortcut {
                    value = value + element.load(shortcut, start + channel);
                }
                element.store(value.max(least), self.out, start + channel);
            }
        }
    }
}
