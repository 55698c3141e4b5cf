//! 16 values of `f32`.
//!
//! All of this, and what is built from it, is inlined into [`Numbers::run`](super::numbers::Numbers::run),
//! which alone is compiled for AVX-512 and is the only place from where it may be called.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_i32gather_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};
use std::ops::{Add, Mul, Sub};

use super::LANES;

/// 16 values, or 16 units of a product.
#[derive(Clone, Copy)]
pub(super) struct Vector(pub __m512);

// SAFETY of every block below: `Numbers::run` promises that the processor has the instruction.
impl Vector {
    #[inline(always)]
    pub(super) fn zero() -> Self {
        Self(unsafe { _mm512_setzero_ps() })
    }

    #[inline(always)]
    pub(super) fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    pub(super) fn load(from: &[f32], start: usize) -> Self {
        let lanes = &from[start..start + LANES];
        // Inside, for the slice has 16 values.
        Self(unsafe { _mm512_loadu_ps(lanes.as_ptr()) })
    }

    #[inline(always)]
    pub(super) fn store(self, to: &mut [f32], start: usize) {
        let lanes = &mut to[start..start + LANES];
        // Inside, for the slice has 16 values.
        unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), self.0) }
    }

    /// Every `step`-th value.
    #[inline(always)]
    pub(super) fn gather(from: &[f32], start: usize, step: usize) -> Self {
        let lanes = &from[start..=start + (LANES - 1) * step];
        let mut offsets = [0; LANES];
        for (lane, offset) in offsets.iter_mut().enumerate() {
            *offset = (lane * step) as i32;
        }
        // Inside, for the slice ends with the last lane's value.
        Self(unsafe {
            let offsets = _mm512_loadu_si512(offsets.as_ptr().cast());
            _mm512_i32gather_ps::<4>(offsets, lanes.as_ptr())
        })
    }

    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
}

impl Add for Vector {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
}

impl Sub for Vector {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
}

impl Mul for Vector {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
}
