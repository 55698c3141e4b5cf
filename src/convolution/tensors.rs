//! The slices of tensors that the convolutions compute with.

#![allow(unsafe_code, reason = "tch gives a tensor's values as a bare pointer")]

use tch::{Device, Kind, Tensor};
use twoviews_conv3x3::{
    BFloat16, Direction, Element, Float32, Images, PackedFilters, has_amx_bf16,
};
use twoviews_tch_ext::parallel;

use crate::Result;

/// The elements of tensors of a kind.
///
/// # Safety
/// A tensor of `KIND` holds values of the type `Value`, for which every pattern of bits is a number.
pub(super) unsafe trait TensorElement: Element {
    const KIND: Kind;
}

// SAFETY: libtorch's `Float` is `f32`.
unsafe impl TensorElement for Float32 {
    const KIND: Kind = Kind::Float;
}

// SAFETY: libtorch's `BFloat16` is 16 bits.
unsafe impl TensorElement for BFloat16 {
    const KIND: Kind = Kind::BFloat16;
}

/// Whether this processor multiplies numbers of `kind` faster with these vectors than otherwise: AMX
/// has matrices of bfloat16, which oneDNN uses.
pub(crate) fn is_faster_in(kind: Kind) -> bool {
    is_available(kind) && !(kind == Kind::BFloat16 && has_amx_bf16())
}

/// Whether this processor has AVX-512 for numbers of `kind`.
pub(super) fn is_available(kind: Kind) -> bool {
    match kind {
        Kind::Float => Float32::detect().is_some(),
        Kind::BFloat16 => BFloat16::detect().is_some(),
        _ => false,
    }
}

/// The values of a contiguous tensor on the processor.
pub(super) fn values_of<E: TensorElement>(x: &Tensor) -> &[E::Value] {
    check::<E>(x);
    if x.numel() == 0 {
        return &[];
    }
    // SAFETY: they lie next to each other, are of this type, and live as long as the tensor.
    unsafe { std::slice::from_raw_parts(x.data_ptr().cast(), x.numel()) }
}

/// The values of a new contiguous tensor on the processor, which nobody else has.
pub(super) fn values_of_new<E: TensorElement>(x: &mut Tensor) -> &mut [E::Value] {
    check::<E>(x);
    if x.numel() == 0 {
        return &mut [];
    }
    // SAFETY: they lie next to each other, are of this type, live as long as the tensor, and are nobody
    // else's.
    unsafe { std::slice::from_raw_parts_mut(x.data_ptr().cast(), x.numel()) }
}

fn check<E: TensorElement>(x: &Tensor) {
    assert!(x.kind() == E::KIND && x.is_contiguous() && x.device() == Device::Cpu);
}

/// Sizes of x (B, H, W, channels).
pub(super) fn sizes(x: &Tensor) -> Images {
    let size = x.size();
    let [count, height, width] = [0, 1, 2].map(|i| size[i] as usize);
    Images { count, height, width }
}

/// A tensor (B, H, W, channels).
pub(super) fn empty(images: Images, channels: usize, kind: Kind) -> Result<Tensor> {
    let size = [images.count, images.height, images.width, channels].map(|size| size as i64);
    Ok(Tensor::f_empty(size, (kind, Device::Cpu))?)
}

/// (B, H, W, channels) of x (B, channels, H, W).
pub(super) fn nhwc(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?)
}

/// Of a weight (output, input, 3, 3) of `Float`, in libtorch's threads.
pub(super) fn pack<E: TensorElement>(
    element: E,
    weight: &Tensor,
    direction: Direction,
) -> Result<PackedFilters<E>> {
    let weight = nhwc(weight)?; // (output, 3, 3, input)
    let channels = [0, 3].map(|i| weight.size()[i] as usize);
    Ok(PackedFilters::new(element, values_of::<Float32>(&weight), channels, direction, parallel))
}
