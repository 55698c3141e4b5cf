//! The filters' layout for the products.

use std::sync::Mutex;

use super::element::{Element, Work};
use super::product::COLUMNS;
use super::vector::Vector;
use super::{LANES, TILE_POINTS, transform};

/// G g G' of filters, laid out for the products.
#[derive(Debug)]
pub struct PackedFilters<E> {
    element: E,
    input: usize,
    output: usize,
    /// (output / 32, 16, input, 32) in units, each of numbers of one output channel.
    units: Vec<f32>,
}

/// Which convolution filters are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the inputs to the outputs.
    Forward,
    /// From the gradient of the outputs to that of the inputs.
    Backward,
}

impl<E: Element> PackedFilters<E> {
    /// Whether filters of a weight (output, input, 3, 3) fill whole vectors in the forward direction.
    pub fn fits([output, input]: [usize; 2]) -> bool {
        input.is_multiple_of(LANES * E::PER_UNIT) && output.is_multiple_of(COLUMNS)
    }

    /// Whether they do in both directions, and their gradient, too.
    pub fn fits_both_ways(channels: [usize; 2]) -> bool {
        channels.iter().all(|channels| channels.is_multiple_of(COLUMNS))
    }

    /// Of a weight (output, 3, 3, input), whose numbers of `channels` are [output, input], spread over
    /// threads: `parallel(parts, run)` calls `run` for every part.
    ///
    /// # Panics
    /// If the weight has another length or, in its direction, does not [fit](Self::fits).
    pub fn new(
        element: E,
        weight: &[f32],
        channels: [usize; 2],
        direction: Direction,
        parallel: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) -> Self {
        let [output, input] = match direction {
            Direction::Forward => channels,
            Direction::Backward => [channels[1], channels[0]],
        };
        assert!(weight.len() == 9 * output * input && Self::fits([output, input]));
        let mut units = vec![0.0; TILE_POINTS * output * input / E::PER_UNIT];
        if !units.is_empty() {
            let panels = units.chunks_mut(TILE_POINTS * input * COLUMNS / E::PER_UNIT);
            let panels: Vec<_> = panels.map(Mutex::new).collect();
            parallel(panels.len(), &|panel| {
                let Ok(mut units) = panels[panel].lock() else { return };
                let units = &mut units;
                element.run(Pack { element, weight, channels, direction, panel, units });
            });
        }
        Self { element, input, output, units }
    }

    /// Channels of what is convolved.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Channels of the result.
    pub fn output(&self) -> usize {
        self.output
    }

    #[inline(always)]
    pub(super) fn element(&self) -> E {
        self.element
    }

    /// The panel (input, 32) of a point, in units.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize, point: usize) -> &[f32] {
        let size = self.input * COLUMNS / E::PER_UNIT;
        &self.units[(panel * TILE_POINTS + point) * size..][..size]
    }
}

/// Writes a panel (16, input, 32) of a weight (output, 9, input) with so many `channels`.
struct Pack<'a, E> {
    element: E,
    weight: &'a [f32],
    channels: [usize; 2],
    direction: Direction,
    panel: usize,
    units: &'a mut [f32],
}

impl<E: Element> Work for Pack<'_, E> {
    #[inline(always)]
    fn run(self) {
        let (element, simd) = (self.element, self.element.simd());
        let rows = self.units.len() / (TILE_POINTS * COLUMNS);
        for row in 0..rows {
            for half in [0, LANES] {
                let mut parts = [[simd.zero(); TILE_POINTS]; 2];
                for (part, points) in parts.iter_mut().enumerate().take(E::PER_UNIT) {
                    let input = row * E::PER_UNIT + part;
                    let filters = self.filters(self.panel * COLUMNS + half, input);
                    *points = transform::filter(simd, filters);
                }
                for (point, units) in element.paired(parts).into_iter().enumerate() {
                    units.store(self.units, (point * rows + row) * COLUMNS + half);
                }
            }
        }
    }
}

impl<E: Element> Pack<'_, E> {
    /// The filters of an input channel and the 16 output channels from `output` on.
    #[inline(always)]
    fn filters(&self, output: usize, input: usize) -> [Vector; 9] {
        let (simd, columns) = (self.element.simd(), self.channels[1]);
        let mut filters = [simd.zero(); 9];
        for (pixel, values) in filters.iter_mut().enumerate() {
            *values = match self.direction {
                Direction::Forward => {
                    simd.gather(self.weight, (output * 9 + pixel) * columns + input, 9 * columns)
                }
                // Turned by 180 degrees.
                Direction::Backward => {
                    simd.load(self.weight, (input * 9 + 8 - pixel) * columns + output)
                }
            };
        }
        filters
    }
}
