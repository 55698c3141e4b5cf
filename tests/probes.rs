//! The probes against scikit-learn, brute force, and what must always hold.

mod support;

use ndarray::{Array1, Array2, array};
use support::{assert_close, fixture, numbers, wave};
use twoviews::Error;
use twoviews::probes::{KnnProbe, LogisticRegression, Solver};

/// The problem of `fixtures/make.py`.
fn problem(n: usize, d: usize, classes: i64, scale: f64) -> (Array2<f64>, Array1<i64>) {
    let mut x = Array2::from_shape_vec((n, d), wave(n * d, 0.5)).unwrap();
    for (j, mut column) in x.columns_mut().into_iter().enumerate() {
        column *= scale.powf(j as f64 / (d.max(2) - 1) as f64);
    }
    let y = (0..n).map(|i| (i as i64 * 7 / 3 + i64::from(x[[i, 0]] > 0.3)) % classes).collect();
    (x, y)
}

#[test]
fn newton_reaches_scikit_learns_optimum() {
    for case in fixture(include_str!("fixtures/probes/logistic.json")).as_array().unwrap() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let scale = case["scale"].as_f64().unwrap();
        let (x, y) = problem(size("n"), size("d"), size("classes") as i64, scale);
        let probe =
            LogisticRegression { c: case["c"].as_f64().unwrap(), tol: 1e-10, ..Default::default() };
        let fitted = probe.fit(&x, &y).unwrap();
        assert!(fitted.converged && fitted.warning().is_none());
        assert_close(&[fitted.objective], &numbers(&case["objective"]), 1e-10, "objective");
        let coef: Vec<f64> = fitted.coef.iter().copied().collect();
        assert_close(&coef, &numbers(&case["coef"]), 1e-6, "coef");
        let predicted: Vec<f64> = fitted.predict(&x).unwrap().iter().map(|&p| p as f64).collect();
        assert_eq!(predicted, numbers(&case["predicted"]));
    }
}

#[test]
fn lbfgs_reaches_the_same_optimum_on_easy_problems() {
    for classes in [2, 3] {
        let (x, y) = problem(90, 4, classes, 1.0);
        let newton = LogisticRegression::default().fit(&x, &y).unwrap();
        let lbfgs =
            LogisticRegression { solver: Solver::Lbfgs, max_iter: 500, ..Default::default() };
        let lbfgs = lbfgs.fit(&x, &y).unwrap();
        assert!(lbfgs.converged, "{lbfgs}");
        assert!((lbfgs.objective - newton.objective).abs() < 1e-5 * newton.objective);
        assert_eq!(lbfgs.predict(&x).unwrap(), newton.predict(&x).unwrap());
    }
}

#[test]
fn what_did_not_converge_says_so() {
    let (x, y) = problem(150, 6, 4, 100.0);
    for solver in [Solver::Newton, Solver::Lbfgs] {
        let probe = LogisticRegression { max_iter: 1, tol: 1e-9, solver, ..Default::default() };
        let fitted = probe.fit(&x, &y).unwrap();
        assert!(!fitted.converged);
        assert!(fitted.warning().unwrap().contains("max_iter = 1"), "{fitted}");
    }
}

#[test]
fn order_does_not_matter_and_a_shift_moves_the_intercepts_only() {
    let (x, y) = problem(60, 3, 3, 1.0);
    let probe = LogisticRegression { tol: 1e-11, ..Default::default() };
    let fitted = probe.fit(&x, &y).unwrap();
    let reversed = x.slice(ndarray::s![..;-1, ..]).to_owned();
    let other = probe.fit(&reversed, &y.iter().rev().copied().collect()).unwrap();
    let shifted = probe.fit(&(&x + 5.0), &y).unwrap();
    for other in [other, shifted] {
        let flat = |coef: &Array2<f64>| coef.iter().copied().collect::<Vec<_>>();
        assert_close(&flat(&other.coef), &flat(&fitted.coef), 1e-7, "coef");
    }
    let p = fitted.predict_proba(&x).unwrap();
    assert!(p.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
}

#[test]
fn bad_input_of_the_linear_probe_is_named() {
    let (x, y) = problem(20, 3, 2, 1.0);
    let probe = LogisticRegression::default();
    let with = |change: fn(&mut LogisticRegression)| {
        let mut probe = LogisticRegression::default();
        change(&mut probe);
        probe.fit(&x, &y).unwrap_err().to_string()
    };
    assert!(with(|p| p.c = 0.0).contains("C = 0"));
    assert!(with(|p| p.tol = f64::NAN).contains("tol = NaN"));
    assert!(with(|p| p.max_iter = 0).contains("max_iter = 0"));
    assert!(matches!(
        probe.fit(&x, &Array1::zeros(20)),
        Err(Error::Parameter { name: "classes", .. })
    ));
    assert!(matches!(probe.fit(&x, &Array1::zeros(19)), Err(Error::Shape { .. })));
    let mut nan = x.clone();
    nan[[7, 2]] = f64::NAN;
    let error = probe.fit(&nan, &y).unwrap_err().to_string();
    assert!(error.contains("row 7, column 2"), "{error}");
    let error = probe.fit(&x, &y).unwrap().predict(&Array2::<f64>::zeros((1, 4))).unwrap_err();
    assert!(error.to_string().contains("(N, 3)"), "{error}");
    let wide = Array2::from_shape_fn((12, 3_000), |(i, j)| ((i * j) as f64).sin());
    let y = (0..12).map(|i| i % 6).collect();
    let error = probe.fit(&wide, &y).unwrap_err().to_string();
    assert!(error.contains("Solver::Lbfgs"), "{error}");
}

/// Every similarity, sorted; every vote, summed.
fn brute_force(
    knn: &KnnProbe,
    bank: &Array2<f32>,
    labels: &Array1<i64>,
    x: &Array2<f32>,
) -> Vec<i64> {
    let unit = |row: ndarray::ArrayView1<'_, f32>| {
        let norm = row.dot(&row).sqrt().max(1e-12);
        row.mapv(|value| f64::from(value / norm))
    };
    x.rows()
        .into_iter()
        .map(|row| {
            let row = unit(row);
            let mut similar: Vec<(f64, i64)> =
                bank.rows().into_iter().zip(labels).map(|(b, &l)| (unit(b).dot(&row), l)).collect();
            similar.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut votes = std::collections::BTreeMap::<i64, f64>::new();
            for (similarity, label) in similar.into_iter().take(knn.k) {
                *votes.entry(label).or_default() += (similarity / knn.temperature).exp();
            }
            votes.into_iter().fold((0, f64::MIN), |a, b| if b.1 > a.1 { b } else { a }).0
        })
        .collect()
}

#[test]
fn knn_equals_brute_force() {
    let values =
        |n: usize, seed| wave(n * 7, seed).into_iter().map(|v| v as f32).collect::<Vec<_>>();
    let bank = Array2::from_shape_vec((60, 7), values(60, 1.0)).unwrap();
    let x = Array2::from_shape_vec((25, 7), values(25, 50.0)).unwrap();
    let labels: Array1<i64> = (0..60).map(|i| i * 5 % 7 + 3).collect();
    for k in [1, 5, 60, 500] {
        let knn = KnnProbe { k, ..Default::default() };
        let found = knn.predict(&bank, &labels, &x).unwrap();
        assert_eq!(found.to_vec(), brute_force(&knn, &bank, &labels, &x), "k = {k}");
    }
    let nearest = KnnProbe { k: 1, ..Default::default() }.nearest(&bank, &bank).unwrap();
    assert!(nearest.iter().enumerate().all(|(i, near)| near == &[i]));
}

#[test]
fn bad_input_of_knn_is_named() {
    let (bank, labels) = (array![[1f32, 0.], [0., 0.]], array![1, 2]);
    let knn = KnnProbe { k: 1, ..Default::default() };
    assert_eq!(knn.predict(&bank, &labels, &array![[3f32, 0.]]).unwrap(), array![1]);
    assert!(matches!(
        KnnProbe { k: 0, ..knn.clone() }.predict(&bank, &labels, &bank),
        Err(Error::Parameter { name: "k", .. })
    ));
    assert!(matches!(
        KnnProbe { temperature: 0.0, ..knn.clone() }.predict(&bank, &labels, &bank),
        Err(Error::Parameter { name: "temperature", .. })
    ));
    assert!(matches!(
        knn.predict(&bank, &array![1], &bank),
        Err(Error::Shape { name: "labels", .. })
    ));
    assert!(matches!(
        knn.predict(&bank, &labels, &array![[1f32]]),
        Err(Error::Shape { name: "x", .. })
    ));
    let error = knn.predict(&bank, &labels, &array![[f32::NAN, 0.]]).unwrap_err();
    assert!(matches!(error, Error::NonFinite { name: "x", .. }));
}

/// Real features of a genuine checkpoint, where there are any.
#[test]
fn real_features_give_the_known_optimum() {
    let Some(folder) = std::env::var_os("TWOVIEWS_TEST_CHECKPOINTS") else {
        println!("skipped: TWOVIEWS_TEST_CHECKPOINTS names no folder with a .expected.npz");
        return;
    };
    let path = std::path::Path::new(&folder).join("example_dcl_bs_128.expected.npz");
    let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let [xtr, xte]: [Array2<f32>; 2] = ["xtr", "xte"].map(|name| npz.by_name(name).unwrap());
    let [ytr, yte]: [Array1<i64>; 2] = ["ytr", "yte"].map(|name| npz.by_name(name).unwrap());
    let newton = LogisticRegression::default().fit(&xtr, &ytr).unwrap();
    assert!(newton.converged);
    assert!((newton.objective - 15_064.829_7).abs() < 1e-6 * 15_064.829_7, "{newton}");
    let lbfgs = LogisticRegression { solver: Solver::Lbfgs, max_iter: 500, ..Default::default() };
    let lbfgs = lbfgs.fit(&xtr, &ytr).unwrap();
    assert!((lbfgs.score(&xte, &yte).unwrap() - 0.4408).abs() < 0.015, "{lbfgs}");
}

/// Features of any size, also those on which a first step along the whole gradient leads nowhere.
#[test]
fn lbfgs_gets_as_far_as_scikit_learns() {
    for case in fixture(include_str!("fixtures/probes/lbfgs.json")).as_array().unwrap() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let (x, y) = problem(size("n"), size("d"), size("classes") as i64, 1.0);
        let x = x * case["factor"].as_f64().unwrap();
        let probe =
            LogisticRegression { solver: Solver::Lbfgs, max_iter: 500, ..Default::default() };
        let fitted = probe.fit(&x, &y).unwrap();
        let theirs = case["objective"].as_f64().unwrap();
        assert!(fitted.objective < theirs * (1.0 + 1e-7), "{fitted} instead of {case}");
        // Where neither stops at the tolerance, the message says where it stopped.
        let (n_iter, warning) = (fitted.n_iter.unwrap(), fitted.warning());
        assert!(
            n_iter >= size("n_iter").min(500) || fitted.converged,
            "{fitted} instead of {case}"
        );
        assert!(fitted.converged || warning.unwrap().contains(&n_iter.to_string()), "{fitted}");
    }
    // So large that float64 cannot resolve the last falls of the objective.
    let (x, y) = problem(90, 4, 3, 1.0);
    let probe = LogisticRegression { solver: Solver::Lbfgs, max_iter: 500, ..Default::default() };
    let fitted = probe.fit(&(x * 1e8), &y).unwrap();
    assert!(fitted.warning().unwrap().contains("scale the features"), "{fitted}");
}

/// Logits more than 34 apart, where linfa's loss is not the objective's.
#[test]
fn lbfgs_takes_logits_that_are_far_apart() {
    let (x, _) = problem(90, 6, 3, 1.0);
    let largest =
        |row: &[f64]| if row[0] > row[1].max(row[2]) { 0 } else { 1 + i64::from(row[2] > row[1]) };
    let y = x.outer_iter().map(|row| largest(&row.to_vec())).collect();
    for factor in [1.0, 1e4] {
        let probe = LogisticRegression {
            c: 1e6 / (factor * factor),
            tol: 1e-6,
            max_iter: 2000,
            solver: Solver::Lbfgs,
        };
        let fitted = probe.fit(&(&x * factor), &y).unwrap();
        let newton = LogisticRegression { solver: Solver::Newton, ..probe.clone() };
        let newton = newton.fit(&(&x * factor), &y).unwrap();
        let logits = fitted.decision_function(&(&x * factor)).unwrap();
        let span = logits.fold(0.0f64, |most, logit| most.max(logit.abs()));
        assert!(span > 34.0 && fitted.score(&(&x * factor), &y).unwrap() == 1.0, "{fitted}");
        assert!(fitted.objective < newton.objective * 1.01, "{fitted} instead of {newton}");
    }
}

#[test]
fn what_is_not_finite_is_not_predicted() {
    let (x, y) = problem(20, 3, 3, 1.0);
    let fitted = LogisticRegression::default().fit(&x, &y).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut bad = x.clone();
        bad[[7, 2]] = value;
        let errors = [
            fitted.predict(&bad).unwrap_err(),
            fitted.score(&bad, &y).unwrap_err(),
            fitted.predict_proba(&bad).unwrap_err(),
            fitted.decision_function(&bad).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("row 7, column 2"), "{error}");
        }
    }
    let huge = Array2::from_elem((1, 3), f64::MAX);
    assert!(matches!(fitted.predict(&huge), Err(Error::NonFinite { name: "logit", .. })));
}

/// Cosines do not depend on lengths, even on those whose squares float32 cannot hold.
#[test]
fn knn_takes_features_of_any_size() {
    let bank = Array2::from_shape_vec((40, 5), wave(200, 1.0)).unwrap();
    let x = Array2::from_shape_vec((15, 5), wave(75, 50.0)).unwrap();
    let labels: Array1<i64> = (0..40).map(|i| i % 4).collect();
    let knn = KnnProbe { k: usize::MAX, ..Default::default() };
    let at = |scale: f64| {
        let scaled = |x: &Array2<f64>| x.mapv(|value| (value * scale) as f32);
        knn.predict(&scaled(&bank), &labels, &scaled(&x)).unwrap()
    };
    for scale in [1e-30, 1e-12, 1e25, 1e37] {
        assert_eq!(at(scale), at(1.0), "{scale}");
    }
    let cold = KnnProbe { temperature: 1e-40, ..knn.clone() };
    let bank = bank.mapv(|value| value as f32);
    let error = cold.predict(&bank, &labels, &bank).unwrap_err().to_string();
    assert!(error.contains("float32"), "{error}");
}
