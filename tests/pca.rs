//! Principal components against scikit-learn, and what must always hold.

mod support;

use ndarray::Array2;
use support::{assert_close, fixture, numbers, wave};
use twoviews::probes::Pca;

/// The features of `fixtures/make.py`.
fn features(n: usize, d: usize) -> Array2<f64> {
    let mut x = Array2::from_shape_vec((n, d), wave(n * d, 0.5)).unwrap();
    for (j, mut column) in x.columns_mut().into_iter().enumerate() {
        column *= 3f64.powf((j as f64).sqrt());
    }
    x
}

#[test]
fn components_equal_scikit_learns() {
    for case in fixture(include_str!("fixtures/probes/pca.json")).as_array().unwrap() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let x = features(size("n"), size("d"));
        let fitted = Pca { n_components: size("k") }.fit(&x).unwrap();
        let flat = |rows: &Array2<f64>| rows.iter().copied().collect::<Vec<_>>();
        assert_close(&flat(&fitted.components), &numbers(&case["components"]), 1e-8, "components");
        let variance = fitted.explained_variance.to_vec();
        assert_close(&variance, &numbers(&case["variance"]), 1e-9, "variance");
        let ratio = fitted.explained_variance_ratio.to_vec();
        assert_close(&ratio, &numbers(&case["ratio"]), 1e-9, "ratio");
        let first = fitted.transform(&x.slice(ndarray::s![..3, ..]).to_owned()).unwrap();
        assert_close(&flat(&first), &numbers(&case["first"]), 1e-8, "transformed");
    }
}

#[test]
fn all_components_keep_distances_and_two_never_lengthen_them() {
    let x = features(40, 6);
    let distance = |rows: &Array2<f64>, i: usize, j: usize| {
        (&rows.row(i) - &rows.row(j)).mapv(|v| v * v).sum().sqrt()
    };
    let all = Pca { n_components: 6 }.fit(&x).unwrap().transform(&x).unwrap();
    let two = Pca::default().fit(&x).unwrap().transform(&x).unwrap();
    for (i, j) in [(0, 1), (3, 30), (17, 18)] {
        let here = distance(&x, i, j);
        assert!((distance(&all, i, j) - here).abs() < 1e-9 * here);
        assert!(distance(&two, i, j) <= here * (1.0 + 1e-12));
    }
}

#[test]
fn bad_input_is_named() {
    let named = |error: twoviews::Error, words: &str| {
        assert!(error.to_string().contains(words), "{error}");
    };
    let x = features(6, 3);
    named(Pca { n_components: 0 }.fit(&x).unwrap_err(), "n_components = 0");
    named(Pca { n_components: 4 }.fit(&x).unwrap_err(), "3 features");
    named(Pca::default().fit(&Array2::<f64>::zeros((1, 3))).unwrap_err(), "N >= 2");
    named(Pca::default().fit(&Array2::<f32>::zeros((2, 5_000))).unwrap_err(), "4096");
    named(Pca::default().fit(&(&x * f64::NAN)).unwrap_err(), "row 0");
    named(Pca::default().fit(&(&x * 1e200)).unwrap_err(), "not finite");
    let fitted = Pca::default().fit(&x).unwrap();
    named(fitted.transform(&features(6, 4)).unwrap_err(), "(N, 3)");
}
