//! The GPUs that libtorch sees, and memory that they read by themselves.

#![allow(unsafe_code, reason = "calls C++")]

use std::ffi::c_void;

use tch::Tensor;

unsafe extern "C" {
    fn twoviews_gpus() -> usize;
    fn twoviews_pinned(x: *const c_void) -> *mut c_void;
}

/// The number of NVIDIA GPUs that libtorch can compute on.
///
/// A program that asks here is linked with libtorch's part for CUDA, if there is one. Without that,
/// `tch::Device::cuda_if_available` answers `Cpu` on every machine: nothing else refers to that part,
/// so the linker leaves it out.
pub fn gpus() -> usize {
    // SAFETY: it takes nothing and does not unwind.
    unsafe { twoviews_gpus() }
}

/// A copy of `x`, which is in the processor's memory, that a GPU can fetch while others compute; `None` if no
/// such memory is to be had, as without a GPU.
///
/// `Tensor::pin_memory` names a device, for which libtorch prints a warning at each call.
pub fn pinned(x: &Tensor) -> Option<Tensor> {
    // SAFETY: the tensor is alive, and the result is null or a new tensor that is owned from here on.
    unsafe {
        let copy = twoviews_pinned(x.as_ptr().cast());
        (!copy.is_null()).then(|| Tensor::from_ptr(copy.cast()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_memory_is_for_gpus() {
        let x = Tensor::from_slice(&[1.0, 2.0]);
        let copy = pinned(&x);
        assert_eq!(copy.is_some(), gpus() > 0);
        assert!(copy.is_none_or(|copy| copy == x));
    }
}
