//! Whatever values a public function is given, it returns: a result or a typed error, never a panic.
//!
//! Tables of tensors, arrays, numbers and paths that people do hand in by mistake, against every
//! public function that takes such things. Only what must never happen is asserted here; which error
//! comes is tested where the thing itself is.

#[path = "../support/mod.rs"]
mod support;

mod arrays;
mod figures;
mod images;
mod measures;
mod tensors;
mod training;
mod transforms;

use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::Kind;
use twoviews::prelude::*;

/// Runs `work` and counts it as failed if it panics.
pub(crate) struct Sweep {
    calls: usize,
    panics: Vec<String>,
}

impl Sweep {
    pub(crate) fn new() -> Self {
        // The tensors are small, and libtorch's threads would wait for one another.
        tch::set_num_threads(1);
        Self { calls: 0, panics: Vec::new() }
    }

    pub(crate) fn call<T>(&mut self, what: impl std::fmt::Display, work: impl FnOnce() -> T) {
        self.calls += 1;
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.panics.push(what.to_string());
        }
    }

    pub(crate) fn check(self, at_least: usize) {
        assert!(self.panics.is_empty(), "panics in:\n{}", self.panics.join("\n"));
        assert!(self.calls >= at_least, "only {} calls: the table has shrunk", self.calls);
    }
}

pub(crate) const FLOATS: [f64; 15] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    5e-324,
    1e-300,
    1e-40,
    1e30,
    -1e30,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

pub(crate) const SIZES: [usize; 9] =
    [0, 1, 2, 3, 17, 1 << 16, u32::MAX as usize, usize::MAX / 2, usize::MAX];

pub(crate) const KINDS: [Kind; 16] = [
    Kind::Uint8,
    Kind::Int8,
    Kind::Int16,
    Kind::Int,
    Kind::Int64,
    Kind::Half,
    Kind::Float,
    Kind::Double,
    Kind::ComplexHalf,
    Kind::ComplexFloat,
    Kind::ComplexDouble,
    Kind::Bool,
    Kind::BFloat16,
    Kind::Float8e5m2,
    Kind::Float8e4m3fn,
    Kind::QInt8,
];
pub(crate) fn small() -> DCLConfig {
    DCLConfig {
        encoder: EncoderKind::ResNet8,
        latent_size: 8,
        proj_hidden_dim: 8,
        proj_output_dim: 8,
        max_epochs: 1,
        ..Default::default()
    }
}

pub(crate) fn small_model() -> DCL {
    DCL::new(small(), Device::Cpu).unwrap()
}

pub(crate) fn shapes(num_images: usize) -> ImageDataset {
    Shapes10 { num_images, ..Default::default() }.generate().unwrap()
}

pub(crate) fn views_loader(num_images: usize, batch_size: usize) -> Result<MultiViewsLoader> {
    let views = MultiViewsTransform::new(simclr_transform_of_size(8)?, 2)?;
    let config = MultiViewsLoaderConfig { batch_size, num_workers: 0, ..Default::default() };
    MultiViewsLoader::new(shapes(num_images), views, config)
}

pub(crate) fn quiet() -> FitOptions {
    FitOptions { quiet: true, ..Default::default() }
}
