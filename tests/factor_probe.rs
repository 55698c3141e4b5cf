//! Ridge regression and the probe of factors, against scikit-learn and what must always hold.

mod support;

use ndarray::{Array2, array, s};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::{assert_close, fixture, numbers, wave};
use twoviews::Error;
use twoviews::data::{Factor, Shapes10};
use twoviews::probes::{FactorProbe, Ridge, r2_score};

fn rows(n: usize, d: usize, seed: f64) -> Array2<f64> {
    Array2::from_shape_vec((n, d), wave(n * d, seed)).unwrap()
}

/// The problem of `fixtures/make.py`: 2 n rows of features, one of them constant, and numbers.
fn problem(n: usize, d: usize, targets: usize, scale: f64) -> (Array2<f64>, Array2<f64>) {
    let mut x = rows(2 * n, d, 0.5);
    for (j, mut column) in x.columns_mut().into_iter().enumerate() {
        column *= scale.powf(j as f64 / (d.max(2) - 1) as f64);
    }
    x.column_mut(1).fill(7.0);
    let mut y = rows(2 * n, targets, 3.0);
    for (j, mut column) in y.columns_mut().into_iter().enumerate() {
        column.scaled_add((j + 1) as f64, &x.column(0));
    }
    (x, y)
}

#[test]
fn coefficients_and_scores_equal_scikit_learns() {
    for case in fixture(include_str!("fixtures/probes/ridge.json")).as_array().unwrap() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let (n, alpha) = (size("n"), case["alpha"].as_f64().unwrap());
        let (x, y) = problem(n, size("d"), size("targets"), case["scale"].as_f64().unwrap());
        let half = |rows: &Array2<f64>, test: bool| {
            if test {
                rows.slice(s![n.., ..]).to_owned()
            } else {
                rows.slice(s![..n, ..]).to_owned()
            }
        };
        let (x, x_test, y, y_test) =
            (half(&x, false), half(&x, true), half(&y, false), half(&y, true));
        let fitted = Ridge { alpha }.fit(&x, &y).unwrap();
        let coef: Vec<f64> = fitted.coef.iter().copied().collect();
        assert_close(&coef, &numbers(&case["coef"]), 1e-9, "coef");
        assert_close(&fitted.intercept.to_vec(), &numbers(&case["intercept"]), 1e-9, "intercept");
        let unscaled = r2_score(&y_test, &fitted.predict(&x_test).unwrap()).unwrap();
        assert_close(&[unscaled], &numbers(&case["r2_unscaled"]), 1e-9, "r2_unscaled");
        let probe = FactorProbe { alpha, ..Default::default() };
        let score = probe.score((&x, &y), (&x_test, &y_test)).unwrap();
        assert_close(&[score.r2], &numbers(&case["r2"]), 1e-9, "r2");
        assert!(score.low < score.r2 && score.r2 < score.high, "{score}");
    }
}

#[test]
fn what_is_in_the_features_is_read_and_what_is_not_is_not() {
    let shapes = Shapes10 { num_images: 600, ..Default::default() };
    let probe = FactorProbe::default();
    for factor in [Factor::Position, Factor::Size, Factor::Brightness, Factor::Hue] {
        let y = probe.targets(&shapes, factor, 0..400).unwrap();
        let y_test = probe.targets(&shapes, factor, 400..600).unwrap();
        let (noise, noise_test) = (rows(400, 5, 1.0), rows(200, 5, 2.0));
        let with = |noise: &Array2<f64>, y: &Array2<f64>| {
            ndarray::concatenate(ndarray::Axis(1), &[noise.view(), y.view()]).unwrap()
        };
        let known = probe.score((&with(&noise, &y), &y), (&with(&noise_test, &y_test), &y_test));
        assert!(known.unwrap().r2 > 0.999, "{factor}");
        let unknown = probe.score((&noise, &y), (&noise_test, &y_test)).unwrap();
        assert!(unknown.r2.abs() < 0.1 && unknown.low < 0.02, "{factor}: {unknown}");
    }
}

#[test]
fn the_interval_covers_what_other_images_give() {
    // A factor of known R^2 = 1 / (1 + noise variance): the interval of a test set holds it 95 times in 100.
    let mut random = twoviews::rng::RandomStream::new(3, 0, 0, 0);
    let mut draw = |n: usize| {
        let mut normal = || (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
        let x = Array2::from_shape_fn((n, 1), |_| normal());
        let y = &x + &Array2::from_shape_fn((n, 1), |_| normal());
        (x, y)
    };
    let (x, y) = draw(4_000);
    let probe = FactorProbe { n_resamples: 200, ..Default::default() };
    let runs = 200;
    let covered = (0..runs)
        .filter(|_| {
            let (x_test, y_test) = draw(150);
            let score = probe.score((&x, &y), (&x_test, &y_test)).unwrap();
            (score.low..=score.high).contains(&0.5)
        })
        .count();
    // Percentiles of so few rows cover a little less than they say.
    assert!((176..=198).contains(&covered), "{covered} of {runs}");
}

#[test]
fn the_angle_is_read_in_one_class() {
    let shapes = Shapes10 { num_images: 100, ..Default::default() };
    let probe = FactorProbe::default();
    let crescents = probe.targets(&shapes, Factor::Angle, (6..100).step_by(10)).unwrap();
    assert_eq!(crescents.dim(), (10, 2));
    for indices in [vec![6, 7], vec![0, 10], vec![1]] {
        let error = probe.targets(&shapes, Factor::Angle, indices).unwrap_err();
        assert!(error.to_string().contains("crescent"), "{error}");
    }
    let error = probe.targets(&shapes, Factor::Size, [100]).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "index", .. }), "{error}");
}

#[test]
fn bad_input_is_named() {
    let (x, y) = (rows(6, 2, 1.0), rows(6, 1, 2.0));
    let named = |error: Error, words: &str| assert!(error.to_string().contains(words), "{error}");
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        named(Ridge { alpha }.fit(&x, &y).unwrap_err(), "alpha");
    }
    let none = Array2::<f64>::zeros((0, 2));
    let fit = |x: &Array2<f64>, y: &Array2<f64>| Ridge::default().fit(x, y).unwrap_err();
    named(fit(&x, &rows(5, 1, 1.0)), "x has shape [6, 2]");
    named(fit(&none, &Array2::zeros((0, 1))), "at least one row");
    named(fit(&x, &Array2::zeros((6, 0))), "at least one row");
    named(fit(&array![[f64::NAN], [1.0]], &array![[1.0], [2.0]]), "row 0");
    named(fit(&array![[1.0], [1.0]], &array![[1.0], [f64::NAN]]), "y is not finite in row 1");
    named(fit(&array![[1.0], [1.0]], &array![[f64::MAX], [f64::MAX]]), "y is not finite");
    named(fit(&array![[f64::MAX], [f64::MAX]], &array![[1.0], [2.0]]), "not finite");
    named(fit(&array![[1e200], [-1e200]], &array![[1.0], [2.0]]), "not finite");
    let fitted = Ridge::default().fit(&x, &y).unwrap();
    named(fitted.predict(&rows(3, 3, 1.0)).unwrap_err(), "(N, 2)");
    let probe = FactorProbe::default();
    let score = |n_resamples, x_test: &Array2<f64>, y_test: &Array2<f64>| {
        FactorProbe { n_resamples, ..probe.clone() }.score((&x, &y), (x_test, y_test)).unwrap_err()
    };
    named(score(0, &x, &y), "n_resamples");
    named(score(100_001, &x, &y), "n_resamples");
    named(score(10, &rows(6, 3, 1.0), &y), "x_test");
    named(score(10, &rows(5, 2, 1.0), &y), "predicted");
    named(score(10, &x, &Array2::ones((6, 1))), "two different rows");
    named(r2_score(&array![[1.0]], &array![[1.0]]).unwrap_err(), "two different rows");
    named(r2_score(&array![[f64::MAX], [f64::MIN]], &array![[1.0], [2.0]]).unwrap_err(), "y");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(7), ..Default::default() })]

    /// Scaling a feature or moving it changes nothing, since features are standardised.
    #[test]
    fn scores_do_not_see_the_features_units(
        n in 8usize..30, d in 1usize..6, factor in 1e-6f64..1e6, shift in -1e3f64..1e3,
    ) {
        let (x, y) = (rows(n, d, 0.3), rows(n, 2, 1.7));
        let probe = FactorProbe { n_resamples: 20, ..Default::default() };
        let other = x.mapv(|v| factor * (v + shift));
        let a = probe.score((&x, &y), (&x, &y)).unwrap();
        let b = probe.score((&other, &y), (&other, &y)).unwrap();
        prop_assert!((a.r2 - b.r2).abs() < 1e-6, "{a} {b}");
        prop_assert!(a.r2 <= 1.0 && a.r2 >= -1e-9, "{a}");
        prop_assert_eq!(a, probe.score((&x, &y), (&x, &y)).unwrap());
    }
}
