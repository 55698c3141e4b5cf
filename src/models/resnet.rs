//! Residual networks for 32x32 images, with torchvision's parameter names and initialisation.

use tch::Tensor;
use tch::nn::{self, Module, ModuleT};

use super::winograd;
use crate::train::EncoderKind;

/// A residual network (He, Zhang, Ren and Sun, "Deep residual learning for image recognition",
/// CVPR 2016) whose first convolution is 3x3 with stride 1 and is followed by no max-pool, as is
/// usual for CIFAR-10.
///
/// Parameter names are torchvision's (`layer1.0.conv1.weight`), so weights load without renaming.
/// A new network is all zeros until its weights are loaded or [drawn](super::initialise).
#[derive(Debug)]
pub struct ResNet {
    pub(super) conv1: nn::Conv2D,
    pub(super) bn1: nn::BatchNorm,
    pub(super) blocks: Vec<BasicBlock>,
    pub(super) fc: nn::Linear,
}

/// Two 3x3 convolutions and a shortcut.
#[derive(Debug)]
pub(super) struct BasicBlock {
    pub(super) conv1: nn::Conv2D,
    pub(super) bn1: nn::BatchNorm,
    pub(super) conv2: nn::Conv2D,
    pub(super) bn2: nn::BatchNorm,
    pub(super) downsample: Option<(nn::Conv2D, nn::BatchNorm)>,
    /// Of the first convolution and of the shortcut.
    pub(super) stride: i64,
}

impl ResNet {
    /// The encoder of `kind` with `latent_size` features.
    pub fn new(path: &nn::Path<'_>, kind: EncoderKind, latent_size: i64) -> Self {
        match kind {
            EncoderKind::ResNet18 => Self::resnet18(path, latent_size),
            EncoderKind::ResNet8 => Self::resnet8(path, latent_size),
        }
    }

    /// ResNet-18: two blocks each of width 64, 128, 256 and 512; 0.56 G multiply-adds an image.
    pub fn resnet18(path: &nn::Path<'_>, latent_size: i64) -> Self {
        Self::build(path, &[64, 128, 256, 512], 2, latent_size)
    }

    /// ResNet-8 of width 16: one block each of width 16, 32 and 64; 12.5 M multiply-adds an image.
    pub fn resnet8(path: &nn::Path<'_>, latent_size: i64) -> Self {
        Self::build(path, &[16, 32, 64], 1, latent_size)
    }

    fn build(path: &nn::Path<'_>, widths: &[i64], blocks_per_layer: usize, latent: i64) -> Self {
        let mut blocks = Vec::new();
        let mut input = widths[0];
        for (i, &width) in widths.iter().enumerate() {
            let layer = path / format!("layer{}", i + 1);
            for b in 0..blocks_per_layer {
                let stride = if i > 0 && b == 0 { 2 } else { 1 };
                blocks.push(BasicBlock::new(&(&layer / b), input, width, stride));
                input = width;
            }
        }
        Self {
            conv1: conv(path / "conv1", 3, widths[0], 3, 1),
            bn1: batch_norm(path / "bn1", widths[0]),
            blocks,
            fc: linear(path / "fc", input, latent),
        }
    }

    /// Features h (B, latent) of images x (B, 3, H, W); with `train`, batch norm uses the batch.
    ///
    /// The kind of the images decides the precision of the convolutions: with `BFloat16` images
    /// and `Float` weights they compute in bfloat16, while batch norm's parameters and statistics,
    /// the last layer and the features stay `Float`.
    ///
    /// With `train`, on a processor with AVX-512 (in bfloat16 with avx512_bf16 and without AMX),
    /// convolutions of kernel 3x3 and stride 1 between multiples of 32 channels and their gradients
    /// take 4 multiplications for every 9 (Lavin and Gray, "Fast algorithms for convolutional neural
    /// networks", CVPR 2016, equation 8). They have gradients of the first order only.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        let x = channels_last(x);
        let mut x = self.bn1.forward_t(&convolve(&self.conv1, 1, &x, train), train).relu_(); // (B, 64, 32, 32)
        for block in &self.blocks {
            x = block.forward_t(&x, train);
        }
        let pooled = x.mean_dim([2i64, 3].as_slice(), false, self.fc.ws.kind()); // (B, 512)
        self.fc.forward(&pooled)
    }
}

impl BasicBlock {
    fn new(path: &nn::Path<'_>, input: i64, width: i64, stride: i64) -> Self {
        let downsample = (stride != 1 || input != width).then(|| {
            let path = path / "downsample";
            (conv(&path / 0, input, width, 1, stride), batch_norm(&path / 1, width))
        });
        Self {
            conv1: conv(path / "conv1", input, width, 3, stride),
            bn1: batch_norm(path / "bn1", width),
            conv2: conv(path / "conv2", width, width, 3, 1),
            bn2: batch_norm(path / "bn2", width),
            downsample,
            stride,
        }
    }

    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        let y = self.bn1.forward_t(&convolve(&self.conv1, self.stride, x, train), train).relu_();
        let mut y = self.bn2.forward_t(&convolve(&self.conv2, 1, &y, train), train);
        // In place: the gradient of batch norm does not need its output.
        match &self.downsample {
            Some((conv, bn)) => y += bn.forward_t(&convolve(conv, self.stride, x, train), train),
            None => y += x,
        }
        y.relu_()
    }
}

/// The convolution of x in x's own precision; in evaluation the plain one, with which faster ways
/// are compared.
fn convolve(conv: &nn::Conv2D, stride: i64, x: &Tensor, train: bool) -> Tensor {
    if train
        && stride == 1
        && let Some(y) = winograd::convolve(x, &conv.ws).expect("libtorch has memory for a layer")
    {
        return y;
    }
    let weight = conv.ws.to_kind(x.kind());
    let padding = weight.size()[2] / 2;
    x.conv2d(&weight, None::<Tensor>, [stride; 2], [padding; 2], [1, 1], 1)
}

/// The same tensor with its channels next to each other in memory, as the fastest convolutions of
/// libtorch want them.
pub(super) fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

fn conv(path: nn::Path<'_>, input: i64, output: i64, size: i64, stride: i64) -> nn::Conv2D {
    let ws_init = nn::Init::Const(0.0);
    let config =
        nn::ConvConfig { stride, padding: size / 2, bias: false, ws_init, ..Default::default() };
    let mut conv = nn::conv2d(path, input, output, size, config);
    let weight = channels_last(&conv.ws.detach());
    conv.ws.set_data(&weight);
    conv
}

fn batch_norm(path: nn::Path<'_>, width: i64) -> nn::BatchNorm {
    let config = nn::BatchNormConfig { ws_init: nn::Init::Const(1.0), ..Default::default() };
    nn::batch_norm2d(path, width, config)
}

/// A linear layer whose values are still to be drawn or loaded.
pub(super) fn linear(path: nn::Path<'_>, input: i64, output: i64) -> nn::Linear {
    let zero = nn::Init::Const(0.0);
    nn::linear(
        path,
        input,
        output,
        nn::LinearConfig { ws_init: zero, bs_init: Some(zero), bias: true },
    )
}
