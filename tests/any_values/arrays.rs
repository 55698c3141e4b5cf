//! Arrays and labels of the probes.

use ndarray::{Array1, Array2, ShapeBuilder};
use twoviews::prelude::*;

use crate::support::wave;
use crate::{FLOATS, SIZES, Sweep};

/// Arrays of all shapes, contents and layouts.
pub(crate) fn arrays() -> Vec<Array2<f64>> {
    let mut all: Vec<Array2<f64>> = [(0, 0), (0, 3), (3, 0), (1, 1), (1, 3), (2, 1), (6, 3)]
        .into_iter()
        .map(|(n, d)| Array2::from_shape_vec((n, d), wave(n * d, 0.5)).unwrap())
        .collect();
    for value in FLOATS {
        all.push(Array2::from_elem((6, 3), value));
        let mut one = Array2::from_shape_vec((6, 3), wave(18, 0.5)).unwrap();
        one[[2, 1]] = value;
        all.push(one);
    }
    all.push(Array2::from_shape_vec((6, 3).f(), wave(18, 0.5)).unwrap());
    let mut turned = Array2::from_shape_vec((6, 3), wave(18, 0.5)).unwrap();
    turned.invert_axis(ndarray::Axis(0));
    turned.invert_axis(ndarray::Axis(1));
    all.push(turned);
    all
}

pub(crate) fn labels() -> Vec<Array1<i64>> {
    vec![
        Array1::zeros(0),
        Array1::zeros(1),
        Array1::zeros(6),
        (0..6).collect(),
        (0..6).map(|i| i % 2).collect(),
        (0..6).map(|i| [i64::MIN, -1, i64::MAX][i % 3]).collect(),
        (0..100).collect(),
    ]
}

#[test]
fn arrays_of_probes() {
    let mut sweep = Sweep::new();
    let (x, y) = (&arrays()[6], &labels()[3]);
    let fitted = LogisticRegression::default().fit(x, y).unwrap();
    for solver in [Solver::Newton, Solver::Lbfgs] {
        for x in arrays() {
            for y in labels() {
                let probe = LogisticRegression { solver, max_iter: 20, ..Default::default() };
                sweep.call(format!("{solver:?} {x:?} {y:?}"), || {
                    let fitted = probe.fit(&x, &y)?;
                    fitted.warning();
                    let _ = format!("{fitted} {fitted:?}");
                    fitted.score(&x, &y)
                });
            }
        }
        for value in FLOATS {
            for max_iter in [0, 1, 50, usize::MAX] {
                let c = LogisticRegression { c: value, max_iter, solver, ..Default::default() };
                sweep.call(format!("{c:?}"), || c.fit(x, y));
                // A tolerance that cannot be reached ends where nothing falls any more.
                let tol = LogisticRegression { tol: value, max_iter, solver, ..Default::default() };
                sweep.call(format!("{tol:?}"), || tol.fit(x, y));
            }
        }
    }
    for x in arrays() {
        sweep.call(format!("predict {x:?}"), || fitted.predict(&x));
        sweep.call(format!("predict_proba {x:?}"), || fitted.predict_proba(&x));
        sweep.call(format!("decision_function {x:?}"), || fitted.decision_function(&x));
        for y in labels() {
            sweep.call(format!("score {x:?} {y:?}"), || fitted.score(&x, &y));
        }
    }
    let float = |x: &Array2<f64>| x.mapv(|value| value as f32);
    for bank in arrays() {
        for x in arrays() {
            let (bank, x) = (float(&bank), float(&x));
            for k in [1, 200, usize::MAX] {
                let knn = KnnProbe { k, ..Default::default() };
                sweep.call(format!("nearest {bank:?} {x:?}"), || knn.nearest(&bank, &x));
                let y: Array1<i64> = (0..bank.nrows() as i64).collect();
                sweep.call(format!("knn {bank:?} {x:?}"), || knn.predict(&bank, &y, &x));
            }
        }
        for y in labels() {
            let bank = float(&bank);
            sweep.call(format!("knn {bank:?} {y:?}"), || {
                KnnProbe::default().score((&bank, &y), (&bank, &y))
            });
        }
    }
    for value in FLOATS {
        for k in SIZES {
            let knn = KnnProbe { k, temperature: value };
            sweep.call(format!("{knn:?}"), || knn.predict(&float(x), y, &float(x)));
        }
    }
    sweep.check(5_000);
}
