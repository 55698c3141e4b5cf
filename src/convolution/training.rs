//! The convolution of an encoder in training, in all of libtorch's threads, and its gradients.

use tch::{Device, Kind, Tensor};
use twoviews_conv3x3::{BFloat16, Direction, Float32, Images, PackedFilters, WeightGradient};
use twoviews_tch_ext::{parallel, with_gradient};

use super::tensors::{
    TensorElement, empty, is_faster_in, nhwc, pack, sizes, values_of, values_of_new,
};
use crate::Result;

/// The convolution of x (B, input, H, W) of `Float` or `BFloat16` with a weight (output, input, 3, 3)
/// of `Float`, stride 1 and padding 1, with its gradients; `None` where libtorch's is faster or the
/// only one.
pub(crate) fn convolve(x: &Tensor, weight: &Tensor) -> Result<Option<Tensor>> {
    if !is_faster(x, weight) {
        return Ok(None);
    }
    match x.kind() {
        Kind::BFloat16 => convolve_in::<BFloat16>(x, weight),
        _ => convolve_in::<Float32>(x, weight),
    }
}

fn is_faster(x: &Tensor, weight: &Tensor) -> bool {
    let (x_size, size) = (x.size(), weight.size());
    let channels = [size[0] as usize, size[1] as usize];
    let [count, height, width] = [0, 2, 3].map(|i| x_size[i] as usize);
    let images = Images { count, height, width };
    size[2..] == [3, 3]
        && PackedFilters::<Float32>::fits_both_ways(channels)
        && [x, weight].iter().all(|tensor| tensor.device() == Device::Cpu)
        && weight.kind() == Kind::Float
        // Transforming the filters takes its time, however few the tiles are.
        && 4 * images.tiles() >= channels[0].max(channels[1])
        && is_faster_in(x.kind())
}

fn convolve_in<E: TensorElement>(x: &Tensor, weight: &Tensor) -> Result<Option<Tensor>> {
    let Some(element) = E::detect() else { return Ok(None) };
    let (inputs, filters) = (nhwc(&x.detach())?, weight.detach());
    let y = apply(element, &inputs, &filters, Direction::Forward)?;
    let y = with_gradient(y, [x, weight], move |gradients, [of_x, of_weight]| -> Result<_> {
        let gradients = nhwc(gradients)?;
        let x = of_x.then(|| apply(element, &gradients, &filters, Direction::Backward));
        let weight = of_weight.then(|| weight_gradient(element, &inputs, &gradients));
        Ok([x.transpose()?, weight.transpose()?])
    })?;
    Ok(Some(y))
}

/// The convolution (B, output, H, W) of x (B, H, W, input).
fn apply<E: TensorElement>(
    element: E,
    x: &Tensor,
    weight: &Tensor,
    direction: Direction,
) -> Result<Tensor> {
    let filters = pack(element, weight, direction)?;
    let images = sizes(x);
    let mut out = empty(images, filters.output(), E::KIND)?;
    let values = values_of_new::<E>(&mut out);
    filters.convolve_in_parallel(values_of::<E>(x), images, values, parallel);
    Ok(out.f_permute([0, 3, 1, 2])?)
}

/// The gradient (output, input, 3, 3) of the weight, from x (B, H, W, input) and the gradients of the
/// outputs (B, H, W, output).
fn weight_gradient<E: TensorElement>(element: E, x: &Tensor, gradients: &Tensor) -> Result<Tensor> {
    let [input, output] = [x, gradients].map(|tensor| tensor.size()[3]);
    let gradient = WeightGradient {
        images: sizes(x),
        channels: [output as usize, input as usize],
        threads: tch::get_num_threads().max(1) as usize,
    };
    let float = (Kind::Float, Device::Cpu);
    // Memory that is not filled with zeros first.
    let mut room = Tensor::f_empty([gradient.room() as i64], float)?;
    let mut out = Tensor::f_empty([output, 3, 3, input], float)?;
    gradient.compute(
        element,
        values_of::<E>(x),
        values_of::<E>(gradients),
        values_of_new::<Float32>(&mut room),
        values_of_new::<Float32>(&mut out),
        parallel,
    );
    Ok(out.f_permute([0, 3, 1, 2])?)
}

#[cfg(test)]
mod tests {
    use super::super::inference::tests::{distance, normal};
    use super::*;

    fn leaf(x: &Tensor, kind: Kind) -> Tensor {
        x.detach().to_kind(kind).set_requires_grad(true)
    }

    /// Distances of the outputs and the gradients of x and the weight from libtorch's in float64.
    fn distances(kind: Kind, [images, input, output, height, width]: [i64; 5]) -> [f64; 3] {
        // What both sides begin with is exact in `kind`.
        let exact = |shape: &[i64]| normal(shape).to_kind(kind).to_kind(Kind::Double);
        let x = leaf(&exact(&[images, input, height, width]), Kind::Double);
        let weight = leaf(&exact(&[output, input, 3, 3]), Kind::Double);
        let gradient = exact(&[images, output, height, width]);
        let plain = x.conv2d(&weight, None::<Tensor>, 1, 1, 1, 1);
        let loss = (&plain * &gradient).sum(Kind::Double);
        let expected = Tensor::run_backward(&[loss], &[&x, &weight], false, false);
        let (x, weight) = (leaf(&x, kind), leaf(&weight, Kind::Float));
        let found = convolve(&x, &weight).unwrap().expect("it fits");
        assert_eq!((found.kind(), found.size()), (kind, plain.size()));
        let loss = (&found * gradient.to_kind(kind)).sum(Kind::Float);
        let gradients = Tensor::run_backward(&[loss], &[&x, &weight], false, false);
        assert_eq!([gradients[0].kind(), gradients[1].kind()], [kind, Kind::Float]);
        [
            distance(&found, &plain),
            distance(&gradients[0], &expected[0]),
            distance(&gradients[1], &expected[1]),
        ]
    }

    /// Even and odd sizes and numbers of tiles, more tiles than fit at once, a last group of tiles
    /// that is not full, several panels, one image, one thread's part smaller than the others'.
    const SHAPES: [[i64; 5]; 5] = [
        [3, 32, 64, 5, 7],
        [1, 32, 32, 16, 16],
        [36, 96, 64, 8, 8],
        [9, 64, 32, 31, 2],
        [33, 512, 32, 3, 5],
    ];

    #[test]
    fn equals_libtorch_in_float64_with_its_gradients() {
        // Of up to 4,608 summands; a rounding is up to 6e-8 in float32 and 4e-3 in bfloat16.
        for (kind, bound) in [(Kind::Float, 2e-6), (Kind::BFloat16, 1e-2)] {
            if !is_faster_in(kind) {
                println!(
                    "{kind:?} skipped: this processor has something faster or no AVX-512 for it"
                );
                continue;
            }
            for shape in SHAPES {
                let distances = distances(kind, shape);
                assert!(distances.iter().all(|&d| d < bound), "{kind:?} {shape:?} {distances:?}");
            }
        }
    }

    #[test]
    fn other_convolutions_are_left_to_libtorch() {
        let none = |x: [i64; 4], weight: [i64; 4], kind: Kind| {
            let zeros = |shape: [i64; 4], kind| Tensor::zeros(shape, (kind, Device::Cpu));
            convolve(&zeros(x, kind), &zeros(weight, Kind::Float)).unwrap().is_none()
        };
        assert!(none([8, 32, 8, 8], [32, 32, 1, 1], Kind::Float));
        assert!(none([8, 16, 8, 8], [32, 16, 3, 3], Kind::Float));
        assert!(none([8, 32, 8, 8], [16, 32, 3, 3], Kind::Float));
        assert!(none([8, 32, 8, 8], [32, 32, 3, 3], Kind::Half));
        // Four tiles.
        assert!(none([1, 512, 4, 4], [512, 512, 3, 3], Kind::Float));
    }
}
