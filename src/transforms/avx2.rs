//! Loops that the compiler vectorises, with the vectors of AVX2 where the processor has them.
#![allow(
    unsafe_code,
    reason = "instructions beyond the baseline, once the processor is known to have them"
)]

/// A loop; [`run`](Self::run) is inlined into what is compiled for AVX2, and must be `#[inline(always)]`.
pub(super) trait Loop {
    fn run(self);
}

/// Computes the same numbers everywhere, more at once with AVX2.
pub(super) fn run(work: impl Loop) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_avx2(work: impl Loop) {
            work.run();
        }
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(work) };
    }
    work.run();
}
