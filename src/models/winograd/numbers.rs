//! The numbers that products are computed in.

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _mm256_loadu_si256, _mm256_storeu_si256,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh,
    _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_si512,
    _mm512_permutexvar_epi16, _mm512_slli_epi32,
};

use tch::Kind;

use super::vector::Vector;
use super::{ELEMENTS, LANES};

/// Work that is inlined into a function that is compiled for AVX-512; `run` must be, too.
pub(super) trait Work {
    fn run(self);
}

/// The numbers of images and of the factors of products; sums are always `f32`.
///
/// Factors are stored in units of 32 bits, which a product multiplies at once: one number, or a pair
/// of them whose products are added.
pub(super) trait Numbers: Send + Sync {
    /// A number in an image.
    type Number: Copy + Send + Sync;
    const KIND: Kind;
    /// Numbers in a unit.
    const IN_UNIT: usize;

    /// Does the work with the instructions for these numbers.
    ///
    /// # Safety
    /// The processor must have them: [`is_available`](super::is_available) for `KIND`.
    unsafe fn run(work: impl Work);

    fn load(from: &[Self::Number], start: usize) -> Vector;

    fn store(values: Vector, to: &mut [Self::Number], start: usize);

    /// sums + a b, of units.
    fn multiply_add(a: Vector, b: Vector, sums: Vector) -> Vector;

    /// Units of numbers that follow each other: of the first part, then of the second if units are
    /// pairs.
    fn in_turn(parts: Parts) -> [Vector; ELEMENTS];

    /// Units with a number of each part: of the first and the second if units are pairs.
    fn paired(parts: Parts) -> [Vector; ELEMENTS];
}

/// The elements that become units: of one part, or of two if units are pairs.
pub(super) type Parts = [[Vector; ELEMENTS]; 2];

pub(super) struct Float32;

// SAFETY of every block below: `Numbers::run` promises that the processor has the instruction.
impl Numbers for Float32 {
    type Number = f32;
    const KIND: Kind = Kind::Float;
    const IN_UNIT: usize = 1;

    unsafe fn run(work: impl Work) {
        #[target_feature(enable = "avx512f")]
        fn with_avx512(work: impl Work) {
            work.run();
        }
        // SAFETY: as promised.
        unsafe { with_avx512(work) }
    }

    #[inline(always)]
    fn load(from: &[f32], start: usize) -> Vector {
        Vector::load(from, start)
    }

    #[inline(always)]
    fn store(values: Vector, to: &mut [f32], start: usize) {
        values.store(to, start);
    }

    #[inline(always)]
    fn multiply_add(a: Vector, b: Vector, sums: Vector) -> Vector {
        Vector(unsafe { _mm512_fmadd_ps(a.0, b.0, sums.0) })
    }

    #[inline(always)]
    fn in_turn([first, _]: Parts) -> [Vector; ELEMENTS] {
        first
    }

    #[inline(always)]
    fn paired([first, _]: Parts) -> [Vector; ELEMENTS] {
        first
    }
}

pub(super) struct BFloat16;

impl Numbers for BFloat16 {
    /// The upper half of a `f32`.
    type Number = u16;
    const KIND: Kind = Kind::BFloat16;
    const IN_UNIT: usize = 2;

    unsafe fn run(work: impl Work) {
        #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
        fn with_avx512(work: impl Work) {
            work.run();
        }
        // SAFETY: as promised.
        unsafe { with_avx512(work) }
    }

    #[inline(always)]
    fn load(from: &[u16], start: usize) -> Vector {
        let lanes = &from[start..start + LANES];
        // Inside, for the slice has 16 numbers.
        Vector(unsafe {
            let numbers: __m256i = _mm256_loadu_si256(lanes.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(numbers)))
        })
    }

    #[inline(always)]
    fn store(values: Vector, to: &mut [u16], start: usize) {
        let lanes = &mut to[start..start + LANES];
        // Inside, for the slice has 16 numbers; both types are 256 bits.
        unsafe {
            let numbers = _mm512_cvtneps_pbh(values.0);
            let numbers = std::mem::transmute::<__m256bh, __m256i>(numbers);
            _mm256_storeu_si256(lanes.as_mut_ptr().cast(), numbers);
        }
    }

    #[inline(always)]
    fn multiply_add(a: Vector, b: Vector, sums: Vector) -> Vector {
        let pairs = |units: Vector| -> __m512bh { unsafe { std::mem::transmute(units.0) } };
        Vector(unsafe { _mm512_dpbf16_ps(sums.0, pairs(a), pairs(b)) })
    }

    #[inline(always)]
    fn in_turn([first, second]: Parts) -> [Vector; ELEMENTS] {
        let mut units = first;
        for (unit, second) in units.iter_mut().zip(second) {
            *unit = round(*unit, second);
        }
        units
    }

    #[inline(always)]
    fn paired(parts: Parts) -> [Vector; ELEMENTS] {
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
        let mut units = Self::in_turn(parts);
        for unit in &mut units {
            // Inside, for there are 32 places.
            *unit = Vector(unsafe {
                let order: __m512i = _mm512_loadu_si512(ORDER.as_ptr().cast());
                let numbers = _mm512_castps_si512(unit.0);
                _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, numbers))
            });
        }
        units
    }
}

/// The numbers of both, one after the other.
#[inline(always)]
fn round(first: Vector, second: Vector) -> Vector {
    // Both types are 512 bits.
    Vector(unsafe {
        std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(second.0, first.0))
    })
}
