//! 3x3 convolutions with 4 multiplications for every 9.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016: a tile of 2x2
//! outputs comes from a patch d of 4x4 inputs and the kernel g by
//!
//! Y = A' [(G g G') * (B' d B)] A (equation 8),
//!
//! where `*` multiplies element by element and `'` transposes. Summed over the input channels, each
//! of the 16 elements is a matrix product: (tiles, channels) by (channels, channels).
//!
//! oneDNN's convolutions already compute at the rate of the processor; only fewer multiplications
//! are faster, and neither oneDNN nor libtorch has them for x86.

mod product;
mod transform;

use tch::{Kind, Tensor};

use self::transform::Epilogue;
use crate::Result;

/// Values that a vector holds.
const LANES: usize = 16;

/// Elements of a transformed patch.
const ELEMENTS: usize = 16;

/// Tiles whose transformed patches are multiplied at once: most layers' fit the second-level cache.
const TILES: usize = 64;

/// A convolution of kernel 3x3, stride 1 and padding 1 with a bias, for inference.
#[derive(Debug)]
pub(super) struct Winograd {
    input: usize,
    output: usize,
    /// G g G' of every element, (16, output / 32, input, 32)
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Winograd {
    /// Whether this processor has AVX-512.
    pub(super) fn is_available() -> bool {
        std::arch::is_x86_feature_detected!("avx512f")
    }

    /// Prepares a weight (output, input, 3, 3) of `Float` on the processor, or `None` if it has
    /// another shape, numbers of channels that do not fill vectors, or no AVX-512 to compute with.
    pub(super) fn new(weight: &Tensor, bias: &Tensor) -> Result<Option<Self>> {
        let size = weight.size();
        let (output, input) = (size[0] as usize, size[1] as usize);
        let fits = size[2..] == [3, 3]
            && input.is_multiple_of(LANES)
            && output.is_multiple_of(product::COLUMNS);
        if !fits || !Self::is_available() {
            return Ok(None);
        }
        let kernels = Vec::<f32>::try_from(weight.f_contiguous()?.f_view(-1)?)?;
        let mut packed = vec![0.0; ELEMENTS * output * input];
        for (index, kernel) in kernels.chunks_exact(9).enumerate() {
            let (o, i) = (index / input, index % input);
            let (panel, column) = (o / product::COLUMNS, o % product::COLUMNS);
            for (element, value) in transform::kernel(kernel).into_iter().enumerate() {
                let row = (element * output / product::COLUMNS + panel) * input + i;
                packed[row * product::COLUMNS + column] = value;
            }
        }
        let bias = Vec::<f32>::try_from(bias)?;
        Ok(Some(Self { input, output, weight: packed, bias }))
    }

    /// The convolution of x (B, input, H, W) plus bias and shortcut (B, output, H, W), all with their
    /// channels last; with `relu` not less than 0. Computes in this thread alone.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        shortcut: Option<&Tensor>,
        relu: bool,
    ) -> Result<Tensor> {
        let last = |x: &Tensor| x.f_permute([0, 2, 3, 1])?.f_contiguous();
        let x = last(x)?; // (B, H, W, input)
        let shortcut = shortcut.map(last).transpose()?;
        let size = x.size();
        let out = Tensor::f_empty(
            [size[0], size[1], size[2], self.output as i64],
            (Kind::Float, x.device()),
        )?;
        let [height, width] = [size[1] as usize, size[2] as usize];
        // SAFETY: `out` is new, contiguous and nobody else's.
        let values = unsafe { std::slice::from_raw_parts_mut(out.data_ptr().cast(), out.numel()) };
        let least = if relu { 0.0 } else { f32::NEG_INFINITY };
        let epilogue =
            Epilogue { bias: &self.bias, shortcut: shortcut.as_ref().map(values_of), least };
        // SAFETY: `new` refuses processors without AVX-512.
        unsafe { self.tiles(values_of(&x), &epilogue, values, [height, width]) }
        Ok(out.f_permute([0, 3, 1, 2])?)
    }

    #[target_feature(enable = "avx512f")]
    fn tiles(
        &self,
        x: &[f32],
        epilogue: &Epilogue<'_>,
        out: &mut [f32],
        [height, width]: [usize; 2],
    ) {
        let (down, across) = (height.div_ceil(2), width.div_ceil(2));
        let tiles = x.len() / (height * width * self.input) * down * across;
        let mut patches = vec![0.0; ELEMENTS * TILES * self.input];
        let mut products = vec![0.0; ELEMENTS * TILES * self.output];
        let place = |tile: usize| transform::Place {
            image: tile / (down * across),
            y: 2 * (tile / across % down),
            x: 2 * (tile % across),
            height,
            width,
        };
        for first in (0..tiles).step_by(TILES) {
            let count = TILES.min(tiles - first);
            for tile in 0..count {
                transform::patch(x, &place(first + tile), &mut patches, tile, self.input);
            }
            // What lies behind the last tile is left over from others and is not read again.
            let rows = count.next_multiple_of(product::ROWS);
            let patch = patches.chunks_exact(TILES * self.input);
            let weight = self.weight.chunks_exact(self.input * self.output);
            let product = products.chunks_exact_mut(TILES * self.output);
            for ((patch, weight), product) in patch.zip(weight).zip(product) {
                product::multiply(&patch[..rows * self.input], weight, product, self.input);
            }
            for tile in 0..count {
                let place = place(first + tile);
                transform::output(&products, tile, epilogue, &place, out);
            }
        }
    }
}

/// The values of a contiguous tensor of `Float` on the processor.
fn values_of(x: &Tensor) -> &[f32] {
    assert!(x.kind() == Kind::Float && x.is_contiguous());
    // SAFETY: they lie next to each other and live as long as the tensor.
    unsafe { std::slice::from_raw_parts(x.data_ptr().cast(), x.numel()) }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// Normal values of a tensor of `shape`, in float64.
    fn normal(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu)).to_kind(Kind::Double)
    }

    fn distance(found: &Tensor, expected: &Tensor) -> f64 {
        ((found - expected).abs().max() / expected.abs().max()).double_value(&[])
    }

    #[test]
    fn equals_libtorchs_convolution_in_float64() {
        if !Winograd::is_available() {
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
