//! The gradient of a weight from some images, in one thread.

use std::marker::PhantomData;

use super::numbers::{Numbers, Work};
use super::product::{COLUMNS, multiply_transposed};
use super::tiles::{Block, Images};
use super::transform::{Gradient, OfPixels, Patch};
use super::vector::Vector;
use super::{ELEMENTS, LANES};

/// sums (input / 32, 16, output, 32) = (A dY A')' (B' d B) of every element, summed over the tiles
/// of x (B, H, W, input) and gradients dY (B, H, W, output).
pub(super) struct WeightGradient<'a, N: Numbers> {
    pub x: &'a [N::Number],
    pub gradients: &'a [N::Number],
    pub images: Images,
    pub sums: &'a mut [f32],
    pub numbers: PhantomData<N>,
}

/// Tiles whose products are summed at once: with many channels the sums do not fit the cache, and
/// are read and written less often.
fn tiles_at_once(channels: usize) -> usize {
    if channels < 512 { 64 } else { 256 }
}

impl<N: Numbers> Work for WeightGradient<'_, N> {
    #[inline(always)]
    fn run(self) {
        let images = self.images;
        let pixels = images.count * images.pixels();
        let (input, output) = (self.x.len() / pixels, self.gradients.len() / pixels);
        let rows = tiles_at_once(input.max(output)).min(images.tiles()).div_ceil(N::IN_UNIT);
        let mut patches = Block::new(input, rows);
        let mut gradients = Block::new(output, rows);
        for first in (0..images.tiles()).step_by(rows * N::IN_UNIT) {
            let count = rows.min((images.tiles() - first).div_ceil(N::IN_UNIT));
            for row in 0..count {
                let tile = first + row * N::IN_UNIT;
                pair_elements::<N, Patch>(self.x, images, tile, &mut patches, row);
                pair_elements::<N, Gradient>(self.gradients, images, tile, &mut gradients, row);
            }
            for (index, sums) in self.sums.chunks_exact_mut(output * COLUMNS).enumerate() {
                let (panel, element) = (index / ELEMENTS, index % ELEMENTS);
                let patches = &patches.element(element)[panel * COLUMNS * rows..];
                let patches = &patches[..COLUMNS * rows];
                let gradients = gradients.element(element);
                multiply_transposed::<N>(gradients, patches, sums, [rows, count], first > 0);
            }
        }
    }
}

/// The elements of a tile, and of the next one if a unit takes two, into a row of `block`.
#[inline(always)]
fn pair_elements<N: Numbers, P: OfPixels>(
    pixels: &[N::Number],
    images: Images,
    tile: usize,
    block: &mut Block,
    row: usize,
) {
    let channels = block.columns();
    let place = |tile: usize| (tile < images.tiles()).then(|| images.place(tile));
    // Behind the last tile zeros take the place of the second.
    let places = [place(tile), place(tile + 1)];
    for channel in (0..channels).step_by(LANES) {
        let mut parts = [[Vector::zero(); ELEMENTS]; 2];
        for (elements, place) in parts.iter_mut().zip(&places).take(N::IN_UNIT) {
            if let Some(place) = place {
                *elements = P::elements::<N>(pixels, channels, place, channel);
            }
        }
        block.store(row, channel, N::paired(parts));
    }
}
