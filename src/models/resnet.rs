//! Residual networks for 32x32 images, with torchvision's parameter names and initialisation.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::layers::{
    BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, batch_norm, channels_last, check_width, conv, linear,
};
use crate::Result;
use crate::convolution;
use crate::tensor_input::{check_device, check_images};

/// Which encoder turns an image into features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderKind {
    /// torchvision's ResNet-18 with the CIFAR stem: 3x3, stride 1, no max-pool.
    ResNet18,
    /// A ResNet-8 of width 16: about 1/40 of ResNet-18's cost, for live training on a laptop.
    ResNet8,
}

/// A residual network (He, Zhang, Ren and Sun, "Deep residual learning for image recognition",
/// CVPR 2016) whose first convolution is 3x3 with stride 1 and is followed by no max-pool, as is
/// usual for CIFAR-10.
///
/// Parameter names are torchvision's (`layer1.0.conv1.weight`), so weights load without renaming.
/// A new network is all zeros until its weights are loaded or [drawn](super::initialise).
#[derive(Debug)]
pub struct ResNet {
    pub(crate) conv1: nn::Conv2D,
    pub(crate) bn1: nn::BatchNorm,
    pub(crate) blocks: Vec<BasicBlock>,
    pub(crate) fc: nn::Linear,
}

/// Two 3x3 convolutions and a shortcut.
#[derive(Debug)]
pub(crate) struct BasicBlock {
    pub(crate) conv1: nn::Conv2D,
    pub(crate) bn1: nn::BatchNorm,
    pub(crate) conv2: nn::Conv2D,
    pub(crate) bn2: nn::BatchNorm,
    pub(crate) downsample: Option<(nn::Conv2D, nn::BatchNorm)>,
    /// Of the first convolution and of the shortcut.
    pub(crate) stride: i64,
}

impl ResNet {
    /// The encoder of `kind` with `latent_size` features.
    ///
    /// # Errors
    /// If `latent_size` is outside 1 to 16,384, or libtorch has no memory for the weights.
    pub fn new(path: &nn::Path<'_>, kind: EncoderKind, latent_size: i64) -> Result<Self> {
        match kind {
            EncoderKind::ResNet18 => Self::resnet18(path, latent_size),
            EncoderKind::ResNet8 => Self::resnet8(path, latent_size),
        }
    }

    /// ResNet-18: two blocks each of width 64, 128, 256 and 512; 0.56 G multiply-adds an image.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn resnet18(path: &nn::Path<'_>, latent_size: i64) -> Result<Self> {
        Self::build(path, &[64, 128, 256, 512], 2, latent_size)
    }

    /// ResNet-8 of width 16: one block each of width 16, 32 and 64; 12.5 M multiply-adds an image.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn resnet8(path: &nn::Path<'_>, latent_size: i64) -> Result<Self> {
        Self::build(path, &[16, 32, 64], 1, latent_size)
    }

    fn build(
        path: &nn::Path<'_>,
        widths: &[i64],
        blocks_per_layer: usize,
        latent: i64,
    ) -> Result<Self> {
        check_width("latent_size", latent)?;
        // tch's layers panic where libtorch cannot make a tensor.
        check_device(path.device())?;
        let mut blocks = Vec::new();
        let mut input = widths[0];
        for (i, &width) in widths.iter().enumerate() {
            let layer = path / format!("layer{}", i + 1);
            for b in 0..blocks_per_layer {
                let stride = if i > 0 && b == 0 { 2 } else { 1 };
                blocks.push(BasicBlock::new(&(&layer / b), input, width, stride)?);
                input = width;
            }
        }
        Ok(Self {
            conv1: conv(&(path / "conv1"), 3, widths[0], 3, 1)?,
            bn1: batch_norm(&(path / "bn1"), widths[0]),
            blocks,
            fc: linear(&(path / "fc"), input, latent)?,
        })
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
    ///
    /// # Errors
    /// If the images have another shape than (B, 3, H, W) with B, H and W at least 1, another kind
    /// or another device, or libtorch refuses an operation.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        check_images(x, &self.fc.ws)?;
        let x = channels_last(x)?;
        let x = convolve(&self.conv1, 1, &x, train)?;
        let mut x = normalise(&self.bn1, &x, train)?.f_relu_()?; // (B, 64, 32, 32)
        for block in &self.blocks {
            x = block.forward_t(&x, train)?;
        }
        let pooled = x.f_mean_dim([2i64, 3].as_slice(), false, self.fc.ws.f_kind()?)?; // (B, 512)
        Ok(pooled.f_linear(&self.fc.ws, self.fc.bs.as_ref())?)
    }
}

impl BasicBlock {
    fn new(path: &nn::Path<'_>, input: i64, width: i64, stride: i64) -> Result<Self> {
        let downsample = if stride != 1 || input != width {
            let path = path / "downsample";
            let conv = conv(&(&path / 0), input, width, 1, stride)?;
            Some((conv, batch_norm(&(&path / 1), width)))
        } else {
            None
        };
        Ok(Self {
            conv1: conv(&(path / "conv1"), input, width, 3, stride)?,
            bn1: batch_norm(&(path / "bn1"), width),
            conv2: conv(&(path / "conv2"), width, width, 3, 1)?,
            bn2: batch_norm(&(path / "bn2"), width),
            downsample,
            stride,
        })
    }

    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let y = convolve(&self.conv1, self.stride, x, train)?;
        let y = normalise(&self.bn1, &y, train)?.f_relu_()?;
        let y = convolve(&self.conv2, 1, &y, train)?;
        let mut y = normalise(&self.bn2, &y, train)?;
        // In place: the gradient of batch norm does not need its output.
        let mut sum = match &self.downsample {
            Some((conv, bn)) => {
                y.f_add_(&normalise(bn, &convolve(conv, self.stride, x, train)?, train)?)?
            }
            None => y.f_add_(x)?,
        };
        Ok(sum.f_relu_()?)
    }
}

/// Batch norm of x; with `train` by the statistics of the batch, which the running ones follow.
fn normalise(bn: &nn::BatchNorm, x: &Tensor, train: bool) -> Result<Tensor> {
    let (mean, variance) = (Some(&bn.running_mean), Some(&bn.running_var));
    let (weight, bias) = (bn.ws.as_ref(), bn.bs.as_ref());
    Ok(x.f_batch_norm(
        weight,
        bias,
        mean,
        variance,
        train,
        BATCH_NORM_MOMENTUM,
        BATCH_NORM_EPS,
        true,
    )?)
}

/// The convolution of x in x's own precision; in evaluation the plain one, with which faster ways
/// are compared.
fn convolve(conv: &nn::Conv2D, stride: i64, x: &Tensor, train: bool) -> Result<Tensor> {
    if train
        && stride == 1
        && let Some(y) = convolution::convolve(x, &conv.ws)?
    {
        return Ok(y);
    }
    let weight = conv.ws.f_to_kind(x.f_kind()?)?;
    let padding = weight.size()[2] / 2;
    Ok(x.f_conv2d(&weight, None::<Tensor>, [stride; 2], [padding; 2], [1, 1], 1)?)
}
