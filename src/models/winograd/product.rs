//! The matrix products, from registers.

use super::LANES;
use super::numbers::Numbers;
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
pub(super) fn multiply<N: Numbers>(
    a: &[f32],
    b: &[f32],
    products: &mut [f32],
    tiles: usize,
    rows: usize,
) {
    let depth = b.len() / COLUMNS;
    assert!(rows <= tiles && rows.is_multiple_of(ROWS) && depth.is_multiple_of(LANES));
    assert!(a.len() == depth * tiles && products.len() == COLUMNS * tiles);
    for row in (0..rows).step_by(ROWS) {
        let mut sums: Sums = [[Vector::zero(); 2]; ROWS];
        for (chunk, b) in b.chunks_exact(LANES * COLUMNS).enumerate() {
            let a = &a[(chunk * tiles + row) * LANES..][..ROWS * LANES];
            for k in 0..LANES {
                let left = Vector::load(b, k * COLUMNS);
                let right = Vector::load(b, k * COLUMNS + LANES);
                for (r, sum) in sums.iter_mut().enumerate() {
                    let value = Vector::splat(a[r * LANES + k]);
                    sum[0] = N::multiply_add(value, left, sum[0]);
                    sum[1] = N::multiply_add(value, right, sum[1]);
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
pub(super) fn multiply_transposed<N: Numbers>(
    a: &[f32],
    b: &[f32],
    sums: &mut [f32],
    [height, count]: [usize; 2],
    add: bool,
) {
    assert!(count <= height && b.len() == COLUMNS * height);
    let (left, right) = b.split_at(LANES * height);
    for (part, sums) in sums.chunks_exact_mut(ROWS * COLUMNS).enumerate() {
        let (chunk, half) = (part * ROWS / LANES, part * ROWS % LANES);
        let a = &a[chunk * height * LANES..][..count * LANES];
        let mut totals: Sums = [[Vector::zero(); 2]; ROWS];
        for (row, a) in a.chunks_exact(LANES).enumerate() {
            let (left, right) = (Vector::load(left, row * LANES), Vector::load(right, row * LANES));
            for (r, total) in totals.iter_mut().enumerate() {
                let value = Vector::splat(a[half + r]);
                total[0] = N::multiply_add(value, left, total[0]);
                total[1] = N::multiply_add(value, right, total[1]);
            }
        }
        for (r, total) in totals.into_iter().enumerate() {
            for (vector, mut total) in total.into_iter().enumerate() {
                let start = r * COLUMNS + vector * LANES;
                if add {
                    total = total + Vector::load(sums, start);
                }
                total.store(sums, start);
            }
        }
    }
}
