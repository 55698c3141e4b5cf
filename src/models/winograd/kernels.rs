//! Kernels: their layout for the products, and their gradient.

use std::marker::PhantomData;
use std::sync::Mutex;

use tch::{Device, Kind, Tensor};
use twoviews_tch_ext::parallel;

use super::numbers::{Numbers, Work};
use super::product::COLUMNS;
use super::vector::Vector;
use super::{ELEMENTS, LANES, transform, values_of, values_of_new};
use crate::Result;

/// G g G' of kernels, laid out for the products.
pub(super) struct Kernels<N> {
    pub input: usize,
    pub output: usize,
    /// (output / 32, 16, input, 32) in units, each of numbers of one output channel.
    units: Vec<f32>,
    numbers: PhantomData<N>,
}

/// Which convolution kernels are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    /// From the gradient of the outputs to that of the inputs.
    Backward,
}

impl<N: Numbers> Kernels<N> {
    /// Of a weight (output, input, 3, 3) of `Float`.
    pub(super) fn new(weight: &Tensor, direction: Direction) -> Result<Self> {
        let weight = weight.f_permute([0, 2, 3, 1])?.f_contiguous()?; // (output, 3, 3, input)
        let size = [weight.size()[0] as usize, weight.size()[3] as usize];
        let [output, input] = match direction {
            Direction::Forward => size,
            Direction::Backward => [size[1], size[0]],
        };
        let mut units = vec![0.0; ELEMENTS * output * input / N::IN_UNIT];
        let panels = units.chunks_mut(ELEMENTS * input * COLUMNS / N::IN_UNIT);
        let panels: Vec<_> = panels.map(Mutex::new).collect();
        let weight = values_of(&weight);
        parallel(panels.len(), |panel| {
            let Ok(mut units) = panels[panel].lock() else { return };
            let units = &mut units;
            let work = Pack::<N> { weight, size, direction, panel, units, numbers: PhantomData };
            // SAFETY: whoever makes kernels has asked whether these numbers are available.
            unsafe { N::run(work) };
        });
        drop(panels);
        Ok(Self { input, output, units, numbers: PhantomData })
    }

    /// The panel (input, 32) of an element, in units.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize, element: usize) -> &[f32] {
        let size = self.input * COLUMNS / N::IN_UNIT;
        &self.units[(panel * ELEMENTS + element) * size..][..size]
    }
}

/// Writes a panel (16, input, 32) of a weight whose `size` is (rows, 9, columns).
struct Pack<'a, N> {
    weight: &'a [f32],
    size: [usize; 2],
    direction: Direction,
    panel: usize,
    units: &'a mut [f32],
    numbers: PhantomData<N>,
}

impl<N: Numbers> Work for Pack<'_, N> {
    #[inline(always)]
    fn run(self) {
        let rows = self.units.len() / (ELEMENTS * COLUMNS);
        for row in 0..rows {
            for half in [0, LANES] {
                let mut parts = [[Vector::zero(); ELEMENTS]; 2];
                for (part, elements) in parts.iter_mut().enumerate().take(N::IN_UNIT) {
                    let input = row * N::IN_UNIT + part;
                    *elements = transform::kernel(self.kernels(self.panel * COLUMNS + half, input));
                }
                for (element, units) in N::paired(parts).into_iter().enumerate() {
                    units.store(self.units, (element * rows + row) * COLUMNS + half);
                }
            }
        }
    }
}

impl<N: Numbers> Pack<'_, N> {
    /// The kernels of an input channel and the 16 output channels from `output` on.
    #[inline(always)]
    fn kernels(&self, output: usize, input: usize) -> [Vector; 9] {
        let columns = self.size[1];
        let mut kernels = [Vector::zero(); 9];
        for (pixel, values) in kernels.iter_mut().enumerate() {
            *values = match self.direction {
                Direction::Forward => {
                    Vector::gather(self.weight, (output * 9 + pixel) * columns + input, 9 * columns)
                }
                // Turned by 180 degrees.
                Direction::Backward => {
                    Vector::load(self.weight, (input * 9 + 8 - pixel) * columns + output)
                }
            };
        }
        kernels
    }
}

/// G' u G of the sums (parts, input / 32, 16, output, 32) of all parts: the gradient (output, input,
/// 3, 3) of kernels.
pub(super) fn gradient<N: Numbers>(sums: &[f32], output: usize, input: usize) -> Result<Tensor> {
    let size = [output as i64, 3, 3, input as i64];
    let mut out = Tensor::f_empty(size, (Kind::Float, Device::Cpu))?;
    let rows: Vec<_> = values_of_new(&mut out).chunks_mut(9 * input).map(Mutex::new).collect();
    parallel(output, |channel| {
        let Ok(mut row) = rows[channel].lock() else { return };
        // SAFETY: whoever has these sums has asked whether these numbers are available.
        unsafe { N::run(GradientRow { sums, output, channel, row: &mut row }) };
    });
    drop(rows);
    Ok(out.f_permute([0, 3, 1, 2])?)
}

/// Writes the gradient (9, input) of the kernels of an output channel.
struct GradientRow<'a> {
    sums: &'a [f32],
    output: usize,
    channel: usize,
    row: &'a mut [f32],
}

impl Work for GradientRow<'_> {
    #[inline(always)]
    fn run(self) {
        let input = self.row.len() / 9;
        for first in (0..input).step_by(LANES) {
            let (panel, half) = (first / COLUMNS, first % COLUMNS);
            let mut u = [Vector::zero(); ELEMENTS];
            for (element, sum) in u.iter_mut().enumerate() {
                let row = (panel * ELEMENTS + element) * self.output + self.channel;
                for part in self.sums.chunks_exact(ELEMENTS * input * self.output) {
                    *sum = *sum + Vector::load(part, row * COLUMNS + half);
                }
            }
            for (pixel, value) in transform::kernel_gradient(u).into_iter().enumerate() {
                value.store(self.row, pixel * input + first);
            }
        }
    }
}
