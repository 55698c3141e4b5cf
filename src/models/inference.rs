//! An encoder prepared once for evaluation: batch norm folded away, channels last.

use tch::{Device, Kind, Tensor, nn};

use super::resnet::{BasicBlock, channels_last};
use super::{Precision, ResNet};
use crate::Result;
use crate::memory::FreedMemory;

/// Images that go through the network at once: the fastest of 8 to 256 on a processor with 512-bit
/// vectors, because a layer's output then still lies in its cache. In bfloat16 twice as many have
/// that size.
const fn micro_batch(precision: Precision) -> i64 {
    match precision {
        Precision::Float32 => 32,
        Precision::BFloat16 => 64,
    }
}

/// Height and width of the images for which weights are laid out.
const SIZE: i64 = 32;

/// A copy of a [`ResNet`] that computes the same features faster.
///
/// In evaluation mode batch norm multiplies by g = gamma / sqrt(variance + eps) and adds
/// beta - g * mean. Both are folded into the convolution before it: W' = g W,
/// b' = beta - g * mean. Weights and activations stay in oneDNN's own layout, or channels last where
/// that cannot be had, as the fastest convolutions of libtorch want them. The memory that a
/// micro-batch frees stays with the process for the next one while the encoder lives. Results agree
/// with the plain path up to rounding.
pub struct InferenceEncoder {
    precision: Precision,
    stem: Folded,
    blocks: Vec<FoldedBlock>,
    weight: Tensor,
    bias: Option<Tensor>,
    /// Last, so that the weights are freed before it hands memory back.
    _memory: FreedMemory,
}

impl std::fmt::Debug for InferenceEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InferenceEncoder({} blocks, {:?})", self.blocks.len(), self.precision)
    }
}

struct Folded {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

struct FoldedBlock {
    first: Folded,
    second: Folded,
    shortcut: Option<Folded>,
}

impl InferenceEncoder {
    /// Folds the batch norms of `encoder`, whose weights are copied.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the processor cannot compute in
    /// `precision`, or if libtorch refuses an operation.
    pub fn new(encoder: &ResNet, precision: Precision) -> Result<Self> {
        precision.check(encoder.fc.ws.device())?;
        let _guard = tch::no_grad_guard();
        let mut size = SIZE;
        let stem = Folded::new(&encoder.conv1, &encoder.bn1, (1, size), precision)?;
        let mut blocks = Vec::new();
        for block in &encoder.blocks {
            blocks.push(FoldedBlock::new(block, size, precision)?);
            size /= block.stride;
        }
        Ok(Self {
            precision,
            stem,
            blocks,
            weight: encoder.fc.ws.detach().copy(),
            bias: encoder.fc.bs.as_ref().map(|bias| bias.detach().copy()),
            _memory: FreedMemory::keep(),
        })
    }

    /// Features (B, latent) of images (B, 3, H, W), without gradients.
    ///
    /// # Errors
    /// If the images have another shape or kind than the weights.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let parts = x.f_split(micro_batch(self.precision), 0)?;
        let features = parts.iter().map(|x| self.micro_batch(x)).collect::<Result<Vec<_>>>()?;
        Ok(Tensor::f_cat(&features, 0)?)
    }

    fn micro_batch(&self, x: &Tensor) -> Result<Tensor> {
        let kind = match self.precision {
            Precision::Float32 => x.kind(),
            Precision::BFloat16 => Kind::BFloat16,
        };
        let x = if self.stem.weight.is_mkldnn() {
            // The layers hand their outputs on in oneDNN's own layout.
            x.f_contiguous()?.f_to_mkldnn(kind)?
        } else {
            channels_last(&x.f_to_kind(kind)?)
        };
        let mut x = self.stem.forward(&x)?.f_relu_()?;
        for block in &self.blocks {
            let mut y = block.first.forward(&x)?;
            let mut y = block.second.forward(&y.f_relu_()?)?;
            let shortcut = match &block.shortcut {
                Some(shortcut) => shortcut.forward(&x)?,
                None => x,
            };
            x = y.f_add_(&shortcut)?.f_relu_()?;
        }
        let x = if x.is_mkldnn() { x.f_to_dense(self.weight.kind(), false)? } else { x };
        let pooled = x.f_mean_dim([2i64, 3].as_slice(), false, self.weight.kind())?; // (b, 512)
        Ok(pooled.f_linear(&self.weight, self.bias.as_ref())?)
    }
}

impl FoldedBlock {
    /// `size` is the height and width of the block's input.
    fn new(block: &BasicBlock, size: i64, precision: Precision) -> Result<Self> {
        let stride = block.stride;
        Ok(Self {
            first: Folded::new(&block.conv1, &block.bn1, (stride, size), precision)?,
            second: Folded::new(&block.conv2, &block.bn2, (1, size / stride), precision)?,
            shortcut: block
                .downsample
                .as_ref()
                .map(|(conv, bn)| Folded::new(conv, bn, (stride, size), precision))
                .transpose()?,
        })
    }
}

impl Folded {
    fn new(
        conv: &nn::Conv2D,
        bn: &nn::BatchNorm,
        (stride, size): (i64, i64),
        precision: Precision,
    ) -> Result<Self> {
        const EPS: f64 = 1e-5;
        let mut scale = (&bn.running_var + EPS).f_rsqrt()?;
        if let Some(gamma) = &bn.ws {
            scale *= gamma;
        }
        let mut bias = -&scale * &bn.running_mean;
        if let Some(beta) = &bn.bs {
            bias += beta;
        }
        let weight = conv.ws.f_mul(&scale.f_view([-1, 1, 1, 1])?)?;
        let padding = conv.ws.size()[2] / 2;
        let (weight, bias) = match precision {
            Precision::Float32 => (weight, bias),
            Precision::BFloat16 => {
                (weight.f_to_kind(Kind::BFloat16)?, bias.f_to_kind(Kind::BFloat16)?)
            }
        };
        let weight = packed(&weight, (stride, size), micro_batch(precision))
            .unwrap_or_else(|| channels_last(&weight));
        Ok(Self { weight, bias, stride, padding })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let (weight, bias) = (&self.weight, Some(&self.bias));
        Ok(if weight.is_mkldnn() {
            x.f_mkldnn_convolution(weight, bias, padding, stride, [1, 1], 1)?
        } else {
            x.f_conv2d(weight, bias, stride, padding, [1, 1], 1)?
        })
    }
}

/// The weight in the layout that oneDNN wants for `images` images of `size` x `size`, so that it is
/// not rearranged in each call; other sizes and numbers are computed, too. `None` where libtorch has
/// no oneDNN or does not use it: on a GPU and in float64.
fn packed(weight: &Tensor, (stride, size): (i64, i64), images: i64) -> Option<Tensor> {
    if weight.device() != Device::Cpu || weight.kind() == Kind::Double {
        return None;
    }
    let (padding, channels) = ([weight.size()[2] / 2; 2], weight.size()[1]);
    let input = [images, channels, size, size];
    weight
        .f_contiguous()
        .and_then(|weight| weight.f_to_mkldnn(weight.kind()))
        .and_then(|weight| {
            let (stride, dilation) = ([stride; 2], [1, 1]);
            weight.f_mkldnn_reorder_conv2d_weight(padding, stride, dilation, 1, input.as_slice())
        })
        .ok()
}
