//! The numbers that products are computed in.

#![allow(unsafe_code, reason = "vector instructions, behind a proof that the processor has them")]

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _mm256_loadu_si256, _mm256_storeu_si256,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh,
    _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_si512,
    _mm512_permutexvar_epi16, _mm512_slli_epi32,
};
use std::fmt::Debug;

use super::vector::{Avx512F, Vector};
use super::{LANES, TILE_POINTS};

/// Work that is inlined into a function that is compiled for AVX-512; `run` must be, too.
pub trait Work {
    fn run(self);
}

/// The numbers of images and of the factors of products; sums are always `f32`.
///
/// A value of such a type is a proof that the processor has the instructions for these numbers.
///
/// Factors are stored in units of 32 bits, which a product multiplies at once: one number, or a pair
/// of them whose products are added.
pub trait Element: Copy + Debug + Send + Sync + 'static {
    /// A number in an image.
    type Value: Copy + Send + Sync;
    /// Numbers in a unit.
    const PER_UNIT: usize;

    /// The proof, where the processor has the instructions.
    fn detect() -> Option<Self>;

    /// What all vectors need.
    #[doc(hidden)]
    fn simd(self) -> Avx512F;

    /// Does the work with the instructions for these numbers.
    #[doc(hidden)]
    fn run(self, work: impl Work);

    #[doc(hidden)]
    fn load(self, from: &[Self::Value], start: usize) -> Vector;

    #[doc(hidden)]
    fn store(self, values: Vector, to: &mut [Self::Value], start: usize);

    /// sums + a b, of units.
    #[doc(hidden)]
    fn multiply_add(self, a: Vector, b: Vector, sums: Vector) -> Vector;

    /// Units of numbers that follow each other: of the first part, then of the second if units are
    /// pairs.
    #[doc(hidden)]
    fn in_turn(self, parts: Parts) -> [Vector; TILE_POINTS];

    /// Units with a number of each part: of the first and the second if units are pairs.
    #[doc(hidden)]
    fn paired(self, parts: Parts) -> [Vector; TILE_POINTS];
}

/// The points that become units: of one part, or of two if units are pairs.
pub(super) type Parts = [[Vector; TILE_POINTS]; 2];

/// `f32`, with `avx512f`.
#[derive(Clone, Copy, Debug)]
pub struct Float32(Avx512F);

impl Element for Float32 {
    type Value = f32;
    const PER_UNIT: usize = 1;

    fn detect() -> Option<Self> {
        Avx512F::detect().map(Self)
    }

    #[inline(always)]
    fn simd(self) -> Avx512F {
        self.0
    }

    fn run(self, work: impl Work) {
        #[target_feature(enable = "avx512f")]
        fn with_avx512(work: impl Work) {
            work.run();
        }
        // SAFETY: `self` proves that the processor has them.
        unsafe { with_avx512(work) }
    }

    #[inline(always)]
    fn load(self, from: &[f32], start: usize) -> Vector {
        self.0.load(from, start)
    }

    #[inline(always)]
    fn store(self, values: Vector, to: &mut [f32], start: usize) {
        values.store(to, start);
    }

    #[inline(always)]
    fn multiply_add(self, a: Vector, b: Vector, sums: Vector) -> Vector {
        // SAFETY: `self` proves that the processor has the instruction.
        Vector(unsafe { _mm512_fmadd_ps(a.0, b.0, sums.0) })
    }

    #[inline(always)]
    fn in_turn(self, [first, _]: Parts) -> [Vector; TILE_POINTS] {
        first
    }

    #[inline(always)]
    fn paired(self, [first, _]: Parts) -> [Vector; TILE_POINTS] {
        first
    }
}

/// bfloat16, with `avx512f`, `avx512bw` and `avx512bf16`.
#[derive(Clone, Copy, Debug)]
pub struct BFloat16(Avx512F);

impl Element for BFloat16 {
    /// The upper half of a `f32`.
    type Value = u16;
    const PER_UNIT: usize = 2;

    fn detect() -> Option<Self> {
        let has_them =
            is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16");
        Avx512F::detect().filter(|_| has_them).map(Self)
    }

    #[inline(always)]
    fn simd(self) -> Avx512F {
        self.0
    }

    fn run(self, work: impl Work) {
        #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
        fn with_avx512(work: impl Work) {
            work.run();
        }
        // SAFETY: `self` proves that the processor has them.
        unsafe { with_avx512(work) }
    }

    #[inline(always)]
    fn load(self, from: &[u16], start: usize) -> Vector {
        let lanes = &from[start..start + LANES];
        // SAFETY: `self` proves that the processor has the instructions; the slice has 16 numbers.
        Vector(unsafe {
            let numbers: __m256i = _mm256_loadu_si256(lanes.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(numbers)))
        })
    }

    #[inline(always)]
    fn store(self, values: Vector, to: &mut [u16], start: usize) {
        let lanes = &mut to[start..start + LANES];
        // SAFETY: `self` proves that the processor has the instructions; the slice has 16 numbers, and
        // both types are 256 bits.
        unsafe {
            let numbers = _mm512_cvtneps_pbh(values.0);
            let numbers = std::mem::transmute::<__m256bh, __m256i>(numbers);
            _mm256_storeu_si256(lanes.as_mut_ptr().cast(), numbers);
        }
    }

    #[inline(always)]
    fn multiply_add(self, a: Vector, b: Vector, sums: Vector) -> Vector {
        // SAFETY: both types are 512 bits.
        let pairs = |units: Vector| -> __m512bh { unsafe { std::mem::transmute(units.0) } };
        // SAFETY: `self` proves that the processor has the instruction.
        Vector(unsafe { _mm512_dpbf16_ps(sums.0, pairs(a), pairs(b)) })
    }

    #[inline(always)]
    fn in_turn(self, [first, second]: Parts) -> [Vector; TILE_POINTS] {
        let mut units = first;
        for (unit, second) in units.iter_mut().zip(second) {
            *unit = self.round(*unit, second);
        }
        units
    }

    #[inline(always)]
    fn paired(self, parts: Parts) -> [Vector; TILE_POINTS] {
        /// 0, 16, 1, 17, ...
        const ORDER: [u16; 2 * LANES] = {
            let mut order = [0; 2 * LANES];
            let mut i = 0;
            while i < 2 * LANES {
                order[i] = (i / 2 + i % 2 * LANES) as u16;
                i += 1;
            }
            order
        };
        let mut units = self.in_turn(parts);
        for unit in &mut units {
            // SAFETY: `self` proves that the processor has the instructions; there are 32 places.
            *unit = Vector(unsafe {
                let order: __m512i = _mm512_loadu_si512(ORDER.as_ptr().cast());
                let numbers = _mm512_castps_si512(unit.0);
                _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, numbers))
            });
        }
        units
    }
}

impl BFloat16 {
    /// The numbers of both, one after the other.
    #[inline(always)]
    fn round(self, first: Vector, second: Vector) -> Vector {
        // SAFETY: `self` proves that the processor has the instruction; both types are 512 bits.
        Vector(unsafe {
            std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(second.0, first.0))
        })
    }
}
