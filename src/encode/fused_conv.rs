//! A convolution of the prepared encoder, fused with its batch norm.

use std::sync::Arc;

use tch::{Device, Kind, Tensor, nn};

use super::Precision;
use crate::Result;
use crate::convolution::{self, PreparedConv};
use crate::models::{BATCH_NORM_EPS, channels_last};

/// The implementation of the convolutions, and the layout of the activations between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConvBackend {
    /// Most by [`PreparedConv`], with the channels last; each part of the images in one thread.
    Tiles,
    /// libtorch in oneDNN's own layout.
    OneDnn,
    /// libtorch with the channels last: on a GPU and in float64.
    ChannelsLast,
}

impl ConvBackend {
    /// The fastest for weights like `weight`.
    pub(super) fn of(weight: &Tensor, precision: Precision) -> Self {
        let is_float = weight.device() == Device::Cpu && weight.kind() == Kind::Float;
        if is_float && convolution::is_faster_in(precision.kind()) {
            Self::Tiles
        } else if is_float && tch::utils::has_mkldnn() {
            Self::OneDnn
        } else {
            Self::ChannelsLast
        }
    }

    /// Images that go through the network at once: the fastest of 8 to 256 on a processor with
    /// 512-bit vectors, because a layer's output then still lies in its cache. Half as many with a
    /// part in each thread.
    pub(super) fn micro_batch(self, precision: Precision) -> i64 {
        match (self, precision) {
            (Self::Tiles, _) => 16,
            (_, Precision::Float32) => 32,
            (_, Precision::BFloat16) => 64,
        }
    }
}

/// A convolution and a bias; a clone shares the weights.
pub(super) enum FusedConv {
    Tiles(Arc<PreparedConv>),
    Libtorch { weight: Tensor, bias: Tensor, stride: i64, padding: i64 },
}

impl Clone for FusedConv {
    fn clone(&self) -> Self {
        match self {
            Self::Tiles(convolution) => Self::Tiles(Arc::clone(convolution)),
            Self::Libtorch { weight, bias, stride, padding } => Self::Libtorch {
                weight: weight.shallow_clone(),
                bias: bias.shallow_clone(),
                stride: *stride,
                padding: *padding,
            },
        }
    }
}

impl FusedConv {
    /// Folds `bn` into `conv`, whose inputs have `size` x `size` pixels.
    pub(super) fn new(
        conv: &nn::Conv2D,
        bn: &nn::BatchNorm,
        (stride, size): (i64, i64),
        backend: ConvBackend,
        precision: Precision,
    ) -> Result<Self> {
        let mut scale = bn.running_var.f_add_scalar(BATCH_NORM_EPS)?.f_rsqrt()?;
        if let Some(gamma) = &bn.ws {
            scale = scale.f_mul(gamma)?;
        }
        let mut bias = scale.f_neg()?.f_mul(&bn.running_mean)?;
        if let Some(beta) = &bn.bs {
            bias = bias.f_add(beta)?;
        }
        let mut weight = conv.ws.f_mul(&scale.f_view([-1, 1, 1, 1])?)?;
        if backend == ConvBackend::Tiles
            && stride == 1
            && let Some(convolution) = PreparedConv::new(&weight, &bias, precision.kind())?
        {
            return Ok(Self::Tiles(Arc::new(convolution)));
        }
        let padding = weight.size()[2] / 2;
        if precision == Precision::BFloat16 {
            let kind = precision.kind();
            (weight, bias) = (weight.f_to_kind(kind)?, bias.f_to_kind(kind)?);
        }
        weight = match backend {
            ConvBackend::OneDnn => packed(&weight, stride, [backend.micro_batch(precision), size])?,
            ConvBackend::Tiles | ConvBackend::ChannelsLast => channels_last(&weight)?,
        };
        Ok(Self::Libtorch { weight, bias, stride, padding })
    }

    /// The convolution of x plus the bias.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Tiles(convolution) => convolution.forward(x, None, false),
            Self::Libtorch { weight, bias, stride, padding } => {
                let (stride, padding) = ([*stride; 2], [*padding; 2]);
                Ok(if weight.is_mkldnn() {
                    x.f_mkldnn_convolution(weight, Some(bias), padding, stride, [1, 1], 1)?
                } else {
                    x.f_conv2d(weight, Some(bias), stride, padding, [1, 1], 1)?
                })
            }
        }
    }

    /// max(convolution of x + bias + shortcut, 0).
    pub(super) fn forward_relu(&self, x: &Tensor, shortcut: Option<&Tensor>) -> Result<Tensor> {
        if let Self::Tiles(convolution) = self {
            return convolution.forward(x, shortcut, true);
        }
        let mut sum = self.forward(x)?;
        if let Some(shortcut) = shortcut {
            sum = sum.f_add_(shortcut)?;
        }
        Ok(sum.f_relu_()?)
    }
}

/// The weight in the layout that oneDNN wants for so many images of `size` x `size`, so that it is
/// not rearranged in each call; other numbers and sizes are computed, too.
fn packed(weight: &Tensor, stride: i64, [images, size]: [i64; 2]) -> Result<Tensor> {
    let (padding, channels) = ([weight.size()[2] / 2; 2], weight.size()[1]);
    let weight = weight.f_contiguous()?.f_to_mkldnn(weight.kind())?;
    let input = [images, channels, size, size];
    let stride = [stride; 2];
    Ok(weight.f_mkldnn_reorder_conv2d_weight(padding, stride, [1, 1], 1, input.as_slice())?)
}
