//! 3x3 convolutions with 4 multiplications for every 9, on slices.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016: a tile of 2x2
//! outputs comes from a patch d of 4x4 inputs and the filter g by
//!
//! Y = A' [(G g G') * (B' d B)] A (equation 8),
//!
//! where `*` multiplies point by point and `'` transposes. Summed over the input channels, each of
//! the 16 points is a matrix product: (tiles, channels) by (channels, channels).
//!
//! From the gradient dY of the outputs follow, by the chain rule, those of
//!
//! - the filters: dg = G' [(B' d B) * (A dY A')] G, summed over the tiles: 16 matrix products, too;
//! - the inputs: the same convolution of dY, with the filters turned by 180 degrees and input and
//!   output channels exchanged.
//!
//! oneDNN's convolutions already compute at the rate of the processor; only fewer multiplications
//! are faster, and neither oneDNN nor libtorch has them for x86.
//!
//! Images lie with their channels last, (B, H, W, channels). The instructions are those of AVX-512: an
//! [`Element`] is a proof that the processor has them, which only [`Element::detect`] gives.
//!
//! ```
//! use twoviews_conv3x3::{Direction, Element, Epilogue, Float32, Images, PackedFilters};
//!
//! let Some(element) = Float32::detect() else { return };
//! // 32 channels to 32, the middle of each filter: every pixel is the sum of its channels.
//! let weight: Vec<f32> = (0..32 * 9 * 32).map(|i| f32::from(u8::from(i / 32 % 9 == 4))).collect();
//! let one_by_one = |parts, run: &(dyn Fn(usize) + Sync)| (0..parts).for_each(run);
//! let filters = PackedFilters::new(element, &weight, [32, 32], Direction::Forward, one_by_one);
//! let images = Images { count: 1, height: 2, width: 2 };
//! let mut out = [0.0; 4 * 32];
//! filters.convolve(&[1.0; 4 * 32], images, &Epilogue::default(), &mut out);
//! assert_eq!(out, [32.0; 4 * 32]);
//! ```

#![cfg(target_arch = "x86_64")]

mod element;
mod forward;
mod packed_filters;
mod product;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;
mod vector;
mod weight_gradient;

pub use self::element::{BFloat16, Element, Float32};
pub use self::forward::Epilogue;
pub use self::packed_filters::{Direction, PackedFilters};
pub use self::tiles::Images;
pub use self::weight_gradient::WeightGradient;

/// Values that a vector holds.
const LANES: usize = 16;

/// Points of a transformed tile: 4x4.
const TILE_POINTS: usize = 16;

/// Whether this processor has AMX, matrices of bfloat16: oneDNN uses them, and is then faster than
/// [`BFloat16`] here.
pub fn has_amx_bf16() -> bool {
    // Leaf 7 is there if leaf 0 says so.
    let leaves = std::arch::x86_64::__cpuid(0).eax;
    leaves >= 7 && std::arch::x86_64::__cpuid_count(7, 0).edx & 1 << 22 != 0
}
