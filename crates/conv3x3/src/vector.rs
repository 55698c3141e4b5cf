//! 16 values of `f32`.
//!
//! All of this, and what is built from it, is inlined into [`Element::run`](super::Element::run),
//! which alone is compiled for AVX-512: called from elsewhere it is slow, but as right.

#![allow(unsafe_code, reason = "vector instructions, behind a proof that the processor has them")]

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_i32gather_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};
use std::ops::{Add, Mul, Sub};

use super::LANES;

/// A proof that the processor has the instructions `avx512f`: there is none without it.
#[derive(Clone, Copy, Debug)]
pub struct Avx512F(());

/// 16 values, or 16 units of a product. Only [`Avx512F`] and what holds one makes vectors, so a vector
/// is a proof, too.
#[derive(Clone, Copy)]
pub struct Vector(pub(super) __m512);

impl Avx512F {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }

    #[inline(always)]
    pub(super) fn zero(self) -> Vector {
        // SAFETY: `self` proves that the processor has the instruction.
        Vector(unsafe { _mm512_setzero_ps() })
    }

    #[inline(always)]
    pub(super) fn splat(self, value: f32) -> Vector {
        // SAFETY: `self` proves that the processor has the instruction.
        Vector(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    pub(super) fn load(self, from: &[f32], start: usize) -> Vector {
        let lanes = &from[start..start + LANES];
        // SAFETY: `self` proves that the processor has the instruction; the slice has 16 values.
        Vector(unsafe { _mm512_loadu_ps(lanes.as_ptr()) })
    }

    /// Every `step`-th value.
    #[inline(always)]
    pub(super) fn gather(self, from: &[f32], start: usize, step: usize) -> Vector {
        let lanes = &from[start..=start + (LANES - 1) * step];
        // Offsets are of 32 bits.
        assert!(step <= i32::MAX as usize / LANES);
        let mut offsets = [0; LANES];
        for (lane, offset) in offsets.iter_mut().enumerate() {
            *offset = (lane * step) as i32;
        }
        // SAFETY: `self` proves that the processor has the instructions; there are 16 offsets, and the
        // slice ends with the last lane's value.
        Vector(unsafe {
            let offsets = _mm512_loadu_si512(offsets.as_ptr().cast());
            _mm512_i32gather_ps::<4>(offsets, lanes.as_ptr())
        })
    }
}

impl Vector {
    #[inline(always)]
    pub(super) fn store(self, to: &mut [f32], start: usize) {
        let lanes = &mut to[start..start + LANES];
        // SAFETY: a vector proves that the processor has the instruction; the slice has 16 values.
        unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        // SAFETY: a vector proves that the processor has the instruction.
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
}

impl Add for Vector {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a vector proves that the processor has the instruction.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
}

impl Sub for Vector {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: a vector proves that the processor has the instruction.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
}

impl Mul for Vector {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: a vector proves that the processor has the instruction.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
}
