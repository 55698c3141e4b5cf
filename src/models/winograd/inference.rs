//! The convolution of a prepared encoder, in one thread.

use tch::{Kind, Tensor};

use super::forward::{Convolution, Epilogue};
use super::kernels::{Direction, Kernels};
use super::numbers::{Float32, Numbers};
use super::product::COLUMNS;
use super::tiles::Images;
use super::{LANES, channels_last, is_available, values_of, values_of_new};
use crate::Result;

/// A convolution of kernel 3x3, stride 1 and padding 1 with a bias.
pub(in crate::models) struct Winograd {
    kernels: Kernels<Float32>,
    bias: Vec<f32>,
}

impl Winograd {
    /// Prepares a weight (output, input, 3, 3) of `Float` on the processor, or `None` if it has
    /// another shape, numbers of channels that do not fill vectors, or no AVX-512 to compute with.
    pub(in crate::models) fn new(weight: &Tensor, bias: &Tensor) -> Result<Option<Self>> {
        let size = weight.size();
        let (output, input) = (size[0] as usize, size[1] as usize);
        let fits =
            size[2..] == [3, 3] && input.is_multiple_of(LANES) && output.is_multiple_of(COLUMNS);
        if !fits || !is_available(Kind::Float) {
            return Ok(None);
        }
        let kernels = Kernels::new(weight, Direction::Forward)?;
        Ok(Some(Self { kernels, bias: Vec::<f32>::try_from(bias)? }))
    }

    /// The convolution of x (B, input, H, W) plus bias and shortcut (B, output, H, W), all with their
    /// channels last; with `relu` not less than 0. Computes in this thread alone.
    pub(in crate::models) fn forward(
        &self,
        x: &Tensor,
        shortcut: Option<&Tensor>,
        relu: bool,
    ) -> Result<Tensor> {
        let (x, shortcut) = (channels_last(x)?, shortcut.map(channels_last).transpose()?);
        let images = Images::of(&x.size());
        let mut out = images.empty(self.kernels.output, Kind::Float)?;
        let epilogue = Epilogue {
            bias: Some(&self.bias),
            shortcut: shortcut.as_ref().map(values_of),
            least: if relu { 0.0 } else { f32::NEG_INFINITY },
        };
        let (x, out_values) = (values_of(&x), values_of_new(&mut out));
        let work =
            Convolution { x, kernels: &self.kernels, epilogue: &epilogue, out: out_values, images };
        // SAFETY: `new` refuses processors without AVX-512.
        unsafe { Float32::run(work) };
        Ok(out.f_permute([0, 3, 1, 2])?)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tch::Device;

    use super::*;

    /// Normal values of a tensor of `shape`, in float64.
    pub(in super::super) fn normal(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu)).to_kind(Kind::Double)
    }

    pub(in super::super) fn distance(found: &Tensor, expected: &Tensor) -> f64 {
        ((found - expected).abs().max() / expected.abs().max()).double_value(&[])
    }

    #[test]
    fn equals_libtorchs_convolution_in_float64() {
        if !is_available(Kind::Float) {
            println!("skipped: this processor has no AVX-512");
            return;
        }
        let float = |x: &Tensor| x.to_kind(Kind::Float);
        // Even and odd sizes, one tile, more tiles than fit at once, a last group of tiles that is
        // not full, several panels.
        for (images, input, output, height, width) in
            [(1, 16, 32, 1, 1), (3, 16, 32, 5, 7), (2, 48, 64, 8, 8), (5, 32, 96, 16, 2)]
        {
            let (x, weight) =
                (normal(&[images, input, height, width]), normal(&[output, input, 3, 3]));
            let (bias, shortcut) = (normal(&[output]), normal(&[images, output, height, width]));
            let plain = x.conv2d(&weight, Some(&bias), 1, 1, 1, 1);
            let tiles = Winograd::new(&float(&weight), &float(&bias)).unwrap().unwrap();
            let (x, short) = (float(&x), float(&shortcut));
            let found = tiles.forward(&x, None, false).unwrap();
            assert!(distance(&found, &plain) < 1e-6, "{images} {input} {output} {height} {width}");
            let found = tiles.forward(&x, Some(&short), true).unwrap();
            assert!(distance(&found, &(plain + shortcut).relu()) < 1e-6);
        }
    }

    #[test]
    fn other_convolutions_are_left_to_libtorch() {
        let new = |shape: [i64; 4]| {
            let options = (Kind::Float, Device::Cpu);
            Winograd::new(&Tensor::zeros(shape, options), &Tensor::zeros([shape[0]], options))
        };
        for shape in [[32, 16, 1, 1], [16, 16, 3, 3], [32, 3, 3, 3]] {
            assert!(new(shape).unwrap().is_none(), "{shape:?}");
        }
    }
}
