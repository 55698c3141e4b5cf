//! The convolution of a prepared encoder, in one thread.

use tch::{Kind, Tensor};
use twoviews_conv3x3::{BFloat16, Direction, Epilogue, Float32, PackedFilters};

use super::tensors::{TensorElement, empty, nhwc, pack, sizes, values_of, values_of_new};
use crate::Result;

/// A convolution of kernel 3x3, stride 1 and padding 1 with a bias.
pub(crate) struct PreparedConv(In);

enum In {
    Float32(Prepared<Float32>),
    BFloat16(Prepared<BFloat16>),
}

struct Prepared<E> {
    filters: PackedFilters<E>,
    bias: Vec<f32>,
}

impl PreparedConv {
    /// Prepares a weight (output, input, 3, 3) of `Float` on the processor for images of `kind`, or
    /// `None` if it has another shape, numbers of channels that do not fill vectors, or no AVX-512 to
    /// compute with.
    pub(crate) fn new(weight: &Tensor, bias: &Tensor, kind: Kind) -> Result<Option<Self>> {
        let prepared = match kind {
            Kind::BFloat16 => Prepared::new(weight, bias)?.map(In::BFloat16),
            Kind::Float => Prepared::new(weight, bias)?.map(In::Float32),
            _ => None,
        };
        Ok(prepared.map(Self))
    }

    /// The convolution of x (B, input, H, W) plus bias and shortcut (B, output, H, W), all with their
    /// channels last and of the kind given to `new`; with `relu` not less than 0. Computes in this
    /// thread alone.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        shortcut: Option<&Tensor>,
        relu: bool,
    ) -> Result<Tensor> {
        match &self.0 {
            In::Float32(prepared) => prepared.forward(x, shortcut, relu),
            In::BFloat16(prepared) => prepared.forward(x, shortcut, relu),
        }
    }
}

impl<E: TensorElement> Prepared<E> {
    fn new(weight: &Tensor, bias: &Tensor) -> Result<Option<Self>> {
        let Some(element) = E::detect() else { return Ok(None) };
        let size = weight.size();
        let fits =
            size[2..] == [3, 3] && PackedFilters::<E>::fits([size[0] as usize, size[1] as usize]);
        if !fits {
            return Ok(None);
        }
        let filters = pack(element, weight, Direction::Forward)?;
        Ok(Some(Self { filters, bias: Vec::<f32>::try_from(bias)? }))
    }

    fn forward(&self, x: &Tensor, shortcut: Option<&Tensor>, relu: bool) -> Result<Tensor> {
        let (x, shortcut) = (nhwc(x)?, shortcut.map(nhwc).transpose()?);
        let images = sizes(&x);
        let mut out = empty(images, self.filters.output(), E::KIND)?;
        let epilogue = Epilogue {
            bias: Some(&self.bias),
            shortcut: shortcut.as_ref().map(values_of::<E>),
            least: if relu { 0.0 } else { f32::NEG_INFINITY },
        };
        let values = values_of_new::<E>(&mut out);
        self.filters.convolve(values_of::<E>(&x), images, &epilogue, values);
        Ok(out.f_permute([0, 3, 1, 2])?)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tch::Device;

    use super::super::tensors::is_available;
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
        // A rounding is up to 6e-8 in float32 and 4e-3 in bfloat16.
        for (kind, bound) in [(Kind::Float, 1e-6), (Kind::BFloat16, 1e-2)] {
            if !is_available(kind) {
                println!("{kind:?} skipped: this processor has no AVX-512 for it");
                continue;
            }
            // Even and odd sizes, one tile, more tiles than fit at once, a last group of tiles that
            // is not full, several panels.
            for (images, input, output, height, width) in
                [(1, 32, 32, 1, 1), (3, 32, 32, 5, 7), (2, 96, 64, 8, 8), (5, 32, 96, 16, 2)]
            {
                let exact = |shape: &[i64]| normal(shape).to_kind(kind).to_kind(Kind::Double);
                let x = exact(&[images, input, height, width]);
                let weight = exact(&[output, input, 3, 3]);
                let (bias, shortcut) = (exact(&[output]), exact(&[images, output, height, width]));
                let plain = x.conv2d(&weight, Some(&bias), 1, 1, 1, 1);
                let float = |x: &Tensor| x.to_kind(Kind::Float);
                let tiles =
                    PreparedConv::new(&float(&weight), &float(&bias), kind).unwrap().unwrap();
                let (x, short) = (x.to_kind(kind), shortcut.to_kind(kind));
                let place = format!("{kind:?} {images} {input} {output} {height} {width}");
                let found = tiles.forward(&x, None, false).unwrap();
                assert!(distance(&found, &plain) < bound, "{place}");
                let found = tiles.forward(&x, Some(&short), true).unwrap();
                assert!(distance(&found, &(plain + shortcut).relu()) < bound, "{place}");
            }
        }
    }

    #[test]
    fn other_convolutions_are_left_to_libtorch() {
        let new = |shape: [i64; 4], kind: Kind| {
            let options = (Kind::Float, Device::Cpu);
            let (weight, bias) =
                (Tensor::zeros(shape, options), Tensor::zeros([shape[0]], options));
            PreparedConv::new(&weight, &bias, kind)
        };
        for shape in [[32, 32, 1, 1], [16, 32, 3, 3], [32, 3, 3, 3]] {
            assert!(new(shape, Kind::Float).unwrap().is_none(), "{shape:?}");
        }
        // Half a vector of pairs.
        assert!(new([32, 16, 3, 3], Kind::BFloat16).unwrap().is_none());
        assert!(new([32, 32, 3, 3], Kind::Half).unwrap().is_none());
    }
}
