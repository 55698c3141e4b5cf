//! Against loops in float64.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn one_by_one(parts: usize, run: &(dyn Fn(usize) + Sync)) {
    (0..parts).for_each(run);
}

/// Numbers in [-1, 1) that bfloat16 holds exactly.
fn numbers(count: usize, mut seed: u32) -> Vec<f32> {
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as f32 / 128.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Calls `term(x, w, y)` with the indices of each product of a convolution: of its input, of its weight
/// (output, 3, 3, input) and of its output.
fn each_product(
    images: Images,
    [output, input]: [usize; 2],
    mut term: impl FnMut(usize, usize, usize),
) {
    let Images { count, height, width } = images;
    for (image, y, x) in (0..count * height * width)
        .map(|pixel| (pixel / (height * width), pixel / width % height, pixel % width))
    {
        for (dy, dx) in (0..9).map(|i| (i / 3, i % 3)) {
            let (from_y, from_x) = ((y + dy).wrapping_sub(1), (x + dx).wrapping_sub(1));
            if from_y >= height || from_x >= width {
                continue;
            }
            let pixel = |y, x| (image * height + y) * width + x;
            for (o, i) in (0..output * input).map(|channels| (channels / input, channels % input)) {
                let weight = ((o * 3 + dy) * 3 + dx) * input + i;
                term(pixel(from_y, from_x) * input + i, weight, pixel(y, x) * output + o);
            }
        }
    }
}

fn assert_close(found: &[f32], expected: &[f64], bound: f64, what: &str) {
    let largest = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let distance = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs());
    let distance = distance.fold(0.0, f64::max) / largest;
    assert!(found.len() == expected.len() && distance < bound, "{what}: {distance}");
}

/// A convolution, and both its gradients with the output's numbers for its gradient.
fn check<E: Element>(to: fn(f32) -> E::Value, from: fn(E::Value) -> f32, bound: f64) {
    let Some(element) = E::detect() else {
        return println!("skipped: this processor has no such instructions");
    };
    for (channels, [count, height, width]) in
        [([32, 64], [3, 5, 7]), ([64, 32], [1, 1, 1]), ([32, 32], [2, 16, 9])]
    {
        let images = Images { count, height, width };
        let ([output, input], pixels) = (channels, count * height * width);
        let (x, dy) = (numbers(pixels * input, 1), numbers(pixels * output, 2));
        let weight = numbers(9 * output * input, 3);
        let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
        let mut dw = vec![0.0; weight.len()];
        each_product(images, channels, |i, w, o| {
            y[o] += f64::from(x[i]) * f64::from(weight[w]);
            dx[i] += f64::from(dy[o]) * f64::from(weight[w]);
            dw[w] += f64::from(dy[o]) * f64::from(x[i]);
        });
        let values = |x: &[f32]| -> Vec<E::Value> { x.iter().map(|x| to(*x)).collect() };
        let (x, dy) = (values(&x), values(&dy));
        for (direction, x, expected) in
            [(Direction::Forward, &x, &y), (Direction::Backward, &dy, &dx)]
        {
            let filters = PackedFilters::new(element, &weight, channels, direction, one_by_one);
            let mut out = vec![to(0.0); expected.len()];
            filters.convolve_in_parallel(x, images, &mut out, one_by_one);
            let found: Vec<f32> = out.iter().map(|x| from(*x)).collect();
            assert_close(&found, expected, bound, &format!("{direction:?} {images:?}"));
        }
        for threads in [1, 2, 5] {
            let gradient = WeightGradient { images, channels, threads };
            let (mut room, mut out) = (vec![f32::NAN; gradient.room()], vec![0.0; dw.len()]);
            gradient.compute(element, &x, &dy, &mut room, &mut out, one_by_one);
            assert_close(&out, &dw, bound, &format!("weight, {threads} threads, {images:?}"));
        }
    }
}

#[test]
fn float32_equals_loops_with_its_gradients() {
    check::<Float32>(|x| x, |x| x, 2e-6);
}

#[test]
fn bfloat16_equals_loops_with_its_gradients() {
    // A rounding is up to 4e-3.
    let to = |x: f32| (x.to_bits() >> 16) as u16;
    check::<BFloat16>(to, |x| f32::from_bits(u32::from(x) << 16), 1e-2);
}

/// Calls `run` with the right lengths, then with each of them one too short and one too long.
fn check_lengths<const N: usize>(lengths: [usize; N], run: impl Fn([usize; N])) {
    run(lengths);
    for (slice, change) in (0..N).flat_map(|slice| [(slice, -1), (slice, 1)]) {
        let mut wrong = lengths;
        wrong[slice] = wrong[slice].wrapping_add_signed(change);
        let caught = catch_unwind(AssertUnwindSafe(|| run(wrong)));
        assert!(caught.is_err(), "{wrong:?} in place of {lengths:?}");
    }
}

#[test]
fn a_slice_of_another_length_is_refused() {
    let Some(element) = Float32::detect() else { return println!("skipped: no AVX-512") };
    let new = |weight: usize| {
        let weight = vec![0.0; weight];
        PackedFilters::new(element, &weight, [32, 32], Direction::Forward, one_by_one)
    };
    assert!(catch_unwind(|| new(9)).is_err());
    let weight = 9 * 32 * 32;
    check_lengths([weight], |[weight]| drop(new(weight)));

    let (filters, images) = (new(weight), Images { count: 2, height: 3, width: 1 });
    let values = 6 * 32;
    check_lengths([values, 32, values, values], |[x, bias, shortcut, out]| {
        let [x, bias, shortcut, mut out] = [x, bias, shortcut, out].map(|length| vec![0.0; length]);
        let epilogue =
            Epilogue { bias: Some(&bias), shortcut: Some(&shortcut), ..Default::default() };
        filters.convolve(&x, images, &epilogue, &mut out);
    });
    check_lengths([values, values], |[x, out]| {
        filters.convolve_in_parallel(&vec![0.0; x], images, &mut vec![0.0; out], one_by_one);
    });
    let gradient = WeightGradient { images, channels: [32, 32], threads: 2 };
    check_lengths([values, values, gradient.room(), weight], |[x, dy, room, out]| {
        let [x, dy, mut room, mut out] = [x, dy, room, out].map(|length| vec![0.0; length]);
        gradient.compute(element, &x, &dy, &mut room, &mut out, one_by_one);
    });
}
