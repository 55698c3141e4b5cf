//! Convolutions of kernel 3x3, stride 1 and padding 1 on tensors, where they are faster than libtorch's.
//!
//! The arithmetic is that of `crates/conv3x3`; here it meets tensors and their gradients.

#[cfg(target_arch = "x86_64")]
mod inference;
#[cfg(target_arch = "x86_64")]
mod tensors;
#[cfg(target_arch = "x86_64")]
mod training;
#[cfg(not(target_arch = "x86_64"))]
mod unsupported;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use self::unsupported::{PreparedConv, convolve, is_faster_in};
#[cfg(target_arch = "x86_64")]
pub(crate) use self::{inference::PreparedConv, tensors::is_faster_in, training::convolve};
