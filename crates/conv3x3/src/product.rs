//! The matrix products, from registers.

use super::LANES;
use super::element::Element;
use super::vector::Vector;

/// Rows that are computed at once: with two vectors a row, 16 of 32 registers hold sums, enough to
/// hide the latency of multiplications.
pub(super) const ROWS: usize = 8;

/// Columns of a panel: two vectors.
pub(super) const COLUMNS: usize = 2 * LANES;

type Sums = [[Vector; 2]; ROWS];

/// Two columns of products = a b, of the first `rows` tiles (a multiple of 8) of `a` (depth / 16,
/// tiles, 16) and a panel `b` (depth, 32), both in units; products is (2, tiles, 16).
#[inline(always)]
pub(super) fn multiply<E: Element>(
    element: E,
    a: &[f32],
    b: &[f32],
    products: &mut [f32],
    tiles: usize,
    rows: usize,
) {
    let (simd, depth) = (element.simd(), b.len() / COLUMNS);
    assert!(rows <= tiles && rows.is_multiple_of(ROWS) && depth.is_multiple_of(LANES));
    assert!(a.len() == depth * tiles && products.len() == COLUMNS * tiles);
    for row in (0..rows).step_by(ROWS) {
        let mut sums: Sums = [[simd.zero(); 2]; ROWS];
        for (chunk, b) in b.chunks_exact(LANES * COLUMNS).enumerate() {
            let a = &a[(chunk * tiles + row) * LANES..][..ROWS * LANES];
            for k in 0..LANES {
                let left = simd.load(b, k * COLUMNS);
                let right = simd.load(b, k * COLUMNS + LANES);
                for (r, sum) in sums.iter_mut().enumerate() {
                    let value = simd.splat(a[r * LANES + k]);
                    sum[0] = element.multiply_add(value, left, sum[0]);
                    sum[1] = element.multiply_add(value, right, sum[1]);
                }
            }
        }
        for (r, sum) in sums.into_iter().enumerate() {
            sum[0].store(products, (row + r) * LANES);
            sum[1].store(products, (tiles + row + r) * LANES);
        }
    }
}

/// sums (rows, 32) = a' b, or with `add` what they were plus a' b, over the first `count` rows of `a`
/// (rows / 16, `height`, 16) and of two columns `b` (2, `height`, 16), both in units.
#[inline(always)]
pub(super) fn multiply_transposed<E: Element>(
    element: E,
    a: &[f32],
    b: &[f32],
    sums: &mut [f32],
    [height, count]: [usize; 2],
    add: bool,
) {
    let simd = element.simd();
    assert!(count <= height && b.len() == COLUMNS * height);
    let (left, right) = b.split_at(LANES * height);
    for (part, sums) in sums.chunks_exact_mut(ROWS * COLUMNS).enumerate() {
        let (chunk, half) = (part * ROWS / LANES, part * ROWS % LANES);
        let a = &a[chunk * height * LANES..][..count * LANES];
        let mut totals: Sums = [[simd.zero(); 2]; ROWS];
        for (row, a) in a.chunks_exact(LANES).enumerate() {
            let (left, right) = (simd.load(left, row * LANES), simd.load(right, row * LANES));
            for (r, total) in totals.iter_mut().enumerate() {
                let value = simd.splat(a[half + r]);
                total[0] = element.multiply_add(value, left, total[0]);
                total[1] = element.multiply_add(value, right, total[1]);
            }
        }
        for (r, total) in totals.into_iter().enumerate() {
            for (vector, mut total) in total.into_iter().enumerate() {
                let start = r * COLUMNS + vector * LANES;
                if add {
                    total = total + simd.load(sums, start);
                }
                total.store(sums, start);
            }
        }
    }
}
