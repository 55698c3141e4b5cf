//! A convolution of some images, in one thread.

use super::kernels::Kernels;
use super::numbers::{Numbers, Work};
use super::product::{COLUMNS, ROWS, multiply};
use super::tiles::{Block, Images};
use super::transform::{self, OfPixels, Patch};
use super::vector::Vector;
use super::{ELEMENTS, LANES};

/// Tiles whose transformed patches are multiplied at once: most layers' fit the second-level cache.
pub(super) const TILES: usize = 64;

/// What follows a convolution: bias (channels), a shortcut (B, H, W, channels), and the least value
/// that is let through.
pub(super) struct Epilogue<'a, Number> {
    pub bias: Option<&'a [f32]>,
    pub shortcut: Option<&'a [Number]>,
    pub least: f32,
}

/// Nothing follows.
impl<Number> Default for Epilogue<'_, Number> {
    fn default() -> Self {
        Self { bias: None, shortcut: None, least: f32::NEG_INFINITY }
    }
}

/// out (B, H, W, output) = the convolution of x (B, H, W, input) and what follows it.
pub(super) struct Convolution<'a, N: Numbers> {
    pub x: &'a [N::Number],
    pub kernels: &'a Kernels<N>,
    pub epilogue: &'a Epilogue<'a, N::Number>,
    pub out: &'a mut [N::Number],
    pub images: Images,
}

impl<N: Numbers> Work for Convolution<'_, N> {
    #[inline(always)]
    fn run(mut self) {
        let (images, kernels) = (self.images, self.kernels);
        let mut patches = Block::new(kernels.input / N::IN_UNIT, TILES);
        let mut products = Block::new(kernels.output, TILES);
        for first in (0..images.tiles()).step_by(TILES) {
            let count = TILES.min(images.tiles() - first);
            for tile in 0..count {
                self.patch(first + tile, tile, &mut patches);
            }
            // What lies behind the last tile is left over from others and is not read again.
            let rows = count.next_multiple_of(ROWS);
            for element in 0..ELEMENTS {
                let patches = patches.element(element);
                let panels = products.element_mut(element).chunks_exact_mut(COLUMNS * TILES);
                for (panel, products) in panels.enumerate() {
                    multiply::<N>(patches, kernels.panel(panel, element), products, TILES, rows);
                }
            }
            for tile in 0..count {
                self.output(first + tile, &products, tile);
            }
        }
    }
}

impl<N: Numbers> Convolution<'_, N> {
    /// The patch of a tile into a row of `patches`.
    #[inline(always)]
    fn patch(&self, tile: usize, row: usize, patches: &mut Block) {
        let place = self.images.place(tile);
        for column in (0..patches.columns()).step_by(LANES) {
            let mut parts = [[Vector::zero(); ELEMENTS]; 2];
            for (part, elements) in parts.iter_mut().enumerate().take(N::IN_UNIT) {
                let channel = column * N::IN_UNIT + part * LANES;
                *elements = Patch::elements::<N>(self.x, self.kernels.input, &place, channel);
            }
            patches.store(row, column, N::in_turn(parts));
        }
    }

    /// The outputs of a tile from a row of `products`.
    #[inline(always)]
    fn output(&mut self, tile: usize, products: &Block, row: usize) {
        let (place, least) = (self.images.place(tile), Vector::splat(self.epilogue.least));
        for channel in (0..products.columns()).step_by(LANES) {
            let values = transform::output(products.load(row, channel));
            let bias = self.epilogue.bias.map(|bias| Vector::load(bias, channel));
            for (i, mut value) in values.into_iter().enumerate() {
                let pixel = place.pixel(place.y + i / 2, place.x + i % 2, products.columns());
                let Some(start) = pixel else { continue };
                if let Some(bias) = bias {
                    value = value + bias;
                }
                if let Some(shortcut) = self.epilogue.shortcut {
                    value = value + N::load(shortcut, start + channel);
                }
                N::store(value.max(least), self.out, start + channel);
            }
        }
    }
}
