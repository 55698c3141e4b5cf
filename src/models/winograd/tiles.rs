//! Tiles of images, and the layout of what is computed of them.

use tch::{Device, Kind, Tensor};

use super::vector::Vector;
use super::{ELEMENTS, LANES};
use crate::Result;

/// Sizes of images with their channels last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Images {
    pub count: usize,
    pub height: usize,
    pub width: usize,
}

/// Where a tile lies: its image and the first of its 2x2 pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    images: Images,
    image: usize,
    pub y: usize,
    pub x: usize,
}

impl Images {
    /// Of a tensor (B, H, W, channels).
    pub(super) fn of(size: &[i64]) -> Self {
        let [count, height, width] = [0, 1, 2].map(|i| size[i] as usize);
        Self { count, height, width }
    }

    /// A tensor (B, H, W, channels).
    pub(super) fn empty(self, channels: usize, kind: Kind) -> Result<Tensor> {
        let size = [self.count, self.height, self.width, channels].map(|size| size as i64);
        Ok(Tensor::f_empty(size, (kind, Device::Cpu))?)
    }

    pub(super) fn pixels(self) -> usize {
        self.height * self.width
    }

    pub(super) fn tiles_per_image(self) -> usize {
        self.height.div_ceil(2) * self.width.div_ceil(2)
    }

    pub(super) fn tiles(self) -> usize {
        self.count * self.tiles_per_image()
    }

    #[inline(always)]
    pub(super) fn place(self, tile: usize) -> Place {
        let (down, across) = (self.height.div_ceil(2), self.width.div_ceil(2));
        Place {
            images: self,
            image: tile / (down * across),
            y: 2 * (tile / across % down),
            x: 2 * (tile % across),
        }
    }
}

impl Place {
    /// Where the channels of pixel (y, x) of the tile's image begin, if it is inside.
    #[inline(always)]
    pub(super) fn pixel(&self, y: usize, x: usize, channels: usize) -> Option<usize> {
        let Images { height, width, .. } = self.images;
        // Lazily: the pixel before the first has no number.
        (y < height && x < width).then(|| ((self.image * height + y) * width + x) * channels)
    }
}

/// A matrix for each of the 16 elements, (16, columns / 16, rows, 16): rows of vectors.
pub(super) struct Block {
    values: Vec<f32>,
    columns: usize,
    rows: usize,
}

impl Block {
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let values = vec![0.0; ELEMENTS * (columns * rows + LANES)];
        Self { values, columns, rows }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Where an element's matrix begins: a vector after the one before it, or the elements of a row
    /// would all compete for the same few places of the cache.
    #[inline(always)]
    fn start(&self, element: usize) -> usize {
        element * (self.columns * self.rows + LANES)
    }

    /// The elements of a row's 16 columns from `column` on.
    #[inline(always)]
    pub(super) fn load(&self, row: usize, column: usize) -> [Vector; ELEMENTS] {
        let start = column * self.rows + row * LANES;
        let mut elements = [Vector::zero(); ELEMENTS];
        for (element, vector) in elements.iter_mut().enumerate() {
            *vector = Vector::load(&self.values, self.start(element) + start);
        }
        elements
    }

    #[inline(always)]
    pub(super) fn store(&mut self, row: usize, column: usize, elements: [Vector; ELEMENTS]) {
        let start = column * self.rows + row * LANES;
        for (element, vector) in elements.into_iter().enumerate() {
            let start = self.start(element) + start;
            vector.store(&mut self.values, start);
        }
    }

    /// An element's matrix, (columns / 16, rows, 16).
    #[inline(always)]
    pub(super) fn element(&self, element: usize) -> &[f32] {
        let start = self.start(element);
        &self.values[start..start + self.columns * self.rows]
    }

    #[inline(always)]
    pub(super) fn element_mut(&mut self, element: usize) -> &mut [f32] {
        let start = self.start(element);
        &mut self.values[start..start + self.columns * self.rows]
    }
}
