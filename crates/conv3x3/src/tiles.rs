//! Tiles of images, and the layout of what is computed of them.

use super::vector::{Avx512F, Vector};
use super::{LANES, TILE_POINTS};

/// Sizes of images, of any number of channels.
#[derive(Clone, Copy, Debug)]
pub struct Images {
    /// B
    pub count: usize,
    /// H, in pixels.
    pub height: usize,
    /// W, in pixels.
    pub width: usize,
}

/// A tile: its image and the first of its 2x2 pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    images: Images,
    image: usize,
    pub y: usize,
    pub x: usize,
}

impl Images {
    /// Pixels of an image.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    pub(super) fn tiles_per_image(self) -> usize {
        self.height.div_ceil(2) * self.width.div_ceil(2)
    }

    /// Tiles of all images.
    pub fn tiles(self) -> usize {
        self.count * self.tiles_per_image()
    }

    #[inline(always)]
    pub(super) fn tile(self, index: usize) -> Tile {
        let (down, across) = (self.height.div_ceil(2), self.width.div_ceil(2));
        Tile {
            images: self,
            image: index / (down * across),
            y: 2 * (index / across % down),
            x: 2 * (index % across),
        }
    }
}

impl Tile {
    /// Where the channels of pixel (y, x) of the tile's image begin, if it is inside.
    #[inline(always)]
    pub(super) fn pixel(&self, y: usize, x: usize, channels: usize) -> Option<usize> {
        let Images { height, width, .. } = self.images;
        // Lazily: the pixel before the first has no number.
        (y < height && x < width).then(|| ((self.image * height + y) * width + x) * channels)
    }
}

/// A matrix for each of the 16 points, (16, columns / 16, rows, 16): rows of vectors.
pub(super) struct PointMatrices {
    values: Vec<f32>,
    columns: usize,
    rows: usize,
}

impl PointMatrices {
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let values = vec![0.0; TILE_POINTS * (columns * rows + LANES)];
        Self { values, columns, rows }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Where a point's matrix begins: a vector after the one before it, or the points of a row would all
    /// compete for the same few places of the cache.
    #[inline(always)]
    fn start(&self, point: usize) -> usize {
        point * (self.columns * self.rows + LANES)
    }

    /// The points of a row's 16 columns from `column` on.
    #[inline(always)]
    pub(super) fn load(&self, simd: Avx512F, row: usize, column: usize) -> [Vector; TILE_POINTS] {
        let start = column * self.rows + row * LANES;
        let mut points = [simd.zero(); TILE_POINTS];
        for (point, vector) in points.iter_mut().enumerate() {
            *vector = simd.load(&self.values, self.start(point) + start);
        }
        points
    }

    #[inline(always)]
    pub(super) fn store(&mut self, row: usize, column: usize, points: [Vector; TILE_POINTS]) {
        let start = column * self.rows + row * LANES;
        for (point, vector) in points.into_iter().enumerate() {
            let start = self.start(point) + start;
            vector.store(&mut self.values, start);
        }
    }

    /// A point's matrix, (columns / 16, rows, 16).
    #[inline(always)]
    pub(super) fn point(&self, point: usize) -> &[f32] {
        let start = self.start(point);
        &self.values[start..start + self.columns * self.rows]
    }

    #[inline(always)]
    pub(super) fn point_mut(&mut self, point: usize) -> &mut [f32] {
        let start = self.start(point);
        &mut self.values[start..start + self.columns * self.rows]
    }
}
