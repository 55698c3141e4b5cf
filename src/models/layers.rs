//! The layers that networks are built from, with PyTorch's parameter names.

use tch::{Tensor, nn};

use crate::{Error, Result};

/// Widest layer. A square one of this width takes 1 GiB, and the published models stay far below.
pub(crate) const MAX_WIDTH: i64 = 16_384;

/// PyTorch's defaults of batch norm.
pub(super) const BATCH_NORM_MOMENTUM: f64 = 0.1;
pub(crate) const BATCH_NORM_EPS: f64 = 1e-5;

/// The same tensor with its channels next to each other in memory, as the fastest convolutions of
/// libtorch want them.
pub(crate) fn channels_last(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?)
}

/// Refuses a layer without outputs, or with more than memory has room for.
pub(super) fn check_width(name: &'static str, width: i64) -> Result<()> {
    if (1..=MAX_WIDTH).contains(&width) {
        return Ok(());
    }
    Err(Error::parameter(name, width, "in 1 to 16384", "The tutorial uses 128."))
}

/// A square convolution without bias, whose weights are still to be drawn or loaded.
pub(super) fn conv(
    path: &nn::Path<'_>,
    input: i64,
    output: i64,
    size: i64,
    stride: i64,
) -> Result<nn::Conv2D> {
    let config = nn::ConvConfig {
        stride,
        padding: size / 2,
        bias: false,
        ws_init: nn::Init::Const(0.0),
        ..Default::default()
    };
    let mut conv = nn::conv2d(path, input, output, size, config);
    let weight = channels_last(&conv.ws.f_detach()?)?;
    conv.ws.f_set_data(&weight)?;
    Ok(conv)
}

pub(super) fn batch_norm(path: &nn::Path<'_>, width: i64) -> nn::BatchNorm {
    let config = nn::BatchNormConfig {
        ws_init: nn::Init::Const(1.0),
        momentum: BATCH_NORM_MOMENTUM,
        eps: BATCH_NORM_EPS,
        ..Default::default()
    };
    nn::batch_norm2d(path, width, config)
}

/// A linear layer whose values are still to be drawn or loaded.
pub(crate) fn linear(path: &nn::Path<'_>, input: i64, output: i64) -> Result<nn::Linear> {
    const ZERO: nn::Init = nn::Init::Const(0.0);
    Ok(nn::Linear {
        ws: path.f_var("weight", &[output, input], ZERO)?,
        bs: Some(path.f_var("bias", &[output], ZERO)?),
    })
}
