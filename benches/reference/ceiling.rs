//! What this machine's libtorch can do at most: matrix products, convolutions, copies.

use std::error::Error;
use std::time::Instant;

use serde_json::{Map, Value};
use twoviews::tch::{Device, Kind, Tensor};

use super::{Measure, Options};

/// Best of a few repetitions, in 10^9 units a second.
fn best(units: f64, mut work: impl FnMut() -> Tensor) -> f64 {
    let _ = std::hint::black_box(work());
    let seconds = (0..5).map(|_| {
        let start = Instant::now();
        let _ = std::hint::black_box(work());
        start.elapsed().as_secs_f64()
    });
    units / seconds.fold(f64::INFINITY, f64::min) / 1e9
}

fn product(kind: Kind) -> f64 {
    let n = 2048;
    let matrix = Tensor::ones([n, n], (Kind::Float, Device::Cpu)).to_kind(kind);
    best(2.0 * (n as f64).powi(3), || matrix.matmul(&matrix))
}

/// A 3x3 convolution of `width` channels, channels last, as a layer of ResNet-18 has it.
fn convolution(kind: Kind, width: i64, size: i64) -> f64 {
    let images = 32;
    let options = (Kind::Float, Device::Cpu);
    let last = |x: Tensor| x.permute([0, 3, 1, 2]).to_kind(kind);
    let x = last(Tensor::ones([images, size, size, width], options));
    let w = last(Tensor::ones([width, 3, 3, width], options));
    let operations = 2.0 * 9.0 * (images * size * size * width * width) as f64;
    best(operations, || x.conv2d(&w, None::<Tensor>, [1, 1], [1, 1], [1, 1], 1))
}

/// GFLOP/s and GB/s by name.
pub fn ceiling(_: &Options) -> Result<Measure, Box<dyn Error>> {
    Ok(Box::new(|| {
        let _guard = twoviews::tch::no_grad_guard();
        let mut found = Map::new();
        let mut note = |name: &str, value: f64| {
            found.insert(name.to_owned(), ((value * 10.0).round() / 10.0).into());
        };
        note("matmul_f32", product(Kind::Float));
        note("matmul_f64", product(Kind::Double));
        note("matmul_bf16", product(Kind::BFloat16));
        for (name, kind) in [("f32", Kind::Float), ("bf16", Kind::BFloat16)] {
            for (width, size) in [(64, 32), (512, 4)] {
                note(&format!("conv_{name}_{width}x{size}"), convolution(kind, width, size));
            }
        }
        let long = Tensor::ones([1 << 26], (Kind::Float, Device::Cpu));
        let mut copy = long.zeros_like();
        // Read once, written once.
        note(
            "copy",
            best(2.0 * 4.0 * (1 << 26) as f64, || {
                copy.copy_(&long);
                copy.shallow_clone()
            }),
        );
        Ok(Value::Object(found))
    }))
}
