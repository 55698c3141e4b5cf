//! The matrix product, from registers.

use std::arch::x86_64::{
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::LANES;

/// Rows that are computed at once: with two vectors a row, 16 of 32 registers hold sums, enough to
/// hide the latency of multiplications.
pub(super) const ROWS: usize = 8;

/// Columns of a panel: two vectors.
pub(super) const COLUMNS: usize = 2 * LANES;

/// products = a b of `a` (rows, depth) and `b` (panels, depth, 32); products is (rows, 32 panels).
#[target_feature(enable = "avx512f")]
pub(super) fn multiply(a: &[f32], b: &[f32], products: &mut [f32], depth: usize) {
    let columns = b.len() / depth;
    for (panel, b) in b.chunks_exact(COLUMNS * depth).enumerate() {
        for (block, a) in a.chunks_exact(ROWS * depth).enumerate() {
            let start = block * ROWS * columns + panel * COLUMNS;
            let end = start + (ROWS - 1) * columns + COLUMNS;
            block_of_panel(a, b, &mut products[start..end], depth, columns);
        }
    }
}

#[target_feature(enable = "avx512f")]
fn block_of_panel(a: &[f32], b: &[f32], products: &mut [f32], depth: usize, columns: usize) {
    assert!(a.len() == ROWS * depth && b.len() == COLUMNS * depth);
    assert!(products.len() == (ROWS - 1) * columns + COLUMNS);
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    for k in 0..depth {
        // SAFETY: k < depth, and the lengths were checked above.
        let (left, right) = unsafe {
            let row = b.as_ptr().add(COLUMNS * k);
            (_mm512_loadu_ps(row), _mm512_loadu_ps(row.add(LANES)))
        };
        for (r, sum) in sums.iter_mut().enumerate() {
            // SAFETY: r < ROWS.
            let value = _mm512_set1_ps(unsafe { *a.get_unchecked(r * depth + k) });
            sum[0] = _mm512_fmadd_ps(value, left, sum[0]);
            sum[1] = _mm512_fmadd_ps(value, right, sum[1]);
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        // SAFETY: the last row ends where `products` does.
        unsafe {
            let row = products.as_mut_ptr().add(r * columns);
            _mm512_storeu_ps(row, sum[0]);
            _mm512_storeu_ps(row.add(LANES), sum[1]);
        }
    }
}
