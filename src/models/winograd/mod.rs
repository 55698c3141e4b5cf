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
//! From the gradient dY of the outputs follow, by the chain rule, those of
//!
//! - the kernels: dg = G' [(B' d B) * (A dY A')] G, summed over the tiles: 16 matrix products, too;
//! - the inputs: the same convolution of dY, with the kernels turned by 180 degrees and input and
//!   output channels exchanged.
//!
//! oneDNN's convolutions already compute at the rate of the processor; only fewer multiplications
//! are faster, and neither oneDNN nor libtorch has them for x86.

mod forward;
mod inference;
mod kernels;
mod numbers;
mod product;
mod tiles;
mod training;
mod transform;
mod vector;
mod weight_gradient;

use tch::{Kind, Tensor};

pub(crate) use self::inference::Winograd;
use self::numbers::{Float32, Numbers};
pub(crate) use self::training::convolve;

/// Values that a vector holds.
const LANES: usize = 16;

/// Elements of a transformed patch.
const ELEMENTS: usize = 16;

/// Whether this processor multiplies numbers of `kind` faster with these vectors than otherwise: AMX
/// has matrices of bfloat16, which oneDNN uses.
pub(crate) fn is_faster_in(kind: Kind) -> bool {
    is_available(kind) && !(kind == Kind::BFloat16 && has_amx_bf16())
}

fn has_amx_bf16() -> bool {
    // Leaf 7 exists wherever there is AVX-512.
    std::arch::x86_64::__cpuid_count(7, 0).edx & 1 << 22 != 0
}

/// Whether this processor has AVX-512 for numbers of `kind`.
fn is_available(kind: Kind) -> bool {
    match kind {
        Kind::Float => is_x86_feature_detected!("avx512f"),
        Kind::BFloat16 => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512bf16")
        }
        _ => false,
    }
}

/// The values of a contiguous tensor of `Float` on the processor.
fn values_of(x: &Tensor) -> &[f32] {
    numbers_of::<Float32>(x)
}

/// The values of a new contiguous tensor of `Float` on the processor, which nobody else has.
fn values_of_new(x: &mut Tensor) -> &mut [f32] {
    numbers_of_new::<Float32>(x)
}

fn numbers_of<N: Numbers>(x: &Tensor) -> &[N::Number] {
    assert!(x.kind() == N::KIND && x.is_contiguous() && x.device() == tch::Device::Cpu);
    // SAFETY: they lie next to each other and live as long as the tensor.
    unsafe { std::slice::from_raw_parts(x.data_ptr().cast(), x.numel()) }
}

fn numbers_of_new<N: Numbers>(x: &mut Tensor) -> &mut [N::Number] {
    assert!(x.kind() == N::KIND && x.is_contiguous() && x.device() == tch::Device::Cpu);
    // SAFETY: they lie next to each other, live as long as the tensor, and are nobody else's.
    unsafe { std::slice::from_raw_parts_mut(x.data_ptr().cast(), x.numel()) }
}

/// (B, H, W, channels) of x (B, channels, H, W).
fn channels_last(x: &Tensor) -> crate::Result<Tensor> {
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?)
}
