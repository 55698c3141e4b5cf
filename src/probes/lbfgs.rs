//! L-BFGS, the tutorial's solver, from linfa-logistic.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};

use super::linear::LogisticRegression as Probe;
use crate::{Error, Result};

/// Coefficients (rows, D) and intercepts (rows) after at most `max_iter` iterations.
///
/// linfa's penalty is alpha/2 |W|^2, so alpha = 1/C; it stops when the norm of the summed gradient
/// is at most its tolerance, and says neither how many iterations it took nor whether it converged.
pub(super) fn minimise(
    probe: &Probe,
    x: &Array2<f64>,
    classes: &[i64],
    n_classes: usize,
) -> Result<(Array2<f64>, Array1<f64>)> {
    let targets: Array1<usize> = classes.iter().map(|&class| class as usize).collect();
    let dataset = DatasetBase::new(x.view(), targets);
    let tolerance = probe.tol * x.nrows() as f64;
    let failed = |error: linfa_logistic::error::Error| Error::NonFinite {
        name: "L-BFGS",
        place: format!("because its line search failed ({error})"),
        hint: "Scale the features to a deviation near 1, or use Solver::Newton".into(),
    };
    if n_classes == 2 {
        let fitted = LogisticRegression::default()
            .alpha(1.0 / probe.c)
            .max_iterations(probe.max_iter as u64)
            .gradient_tolerance(tolerance)
            .fit(&dataset)
            .map_err(failed)?;
        // linfa may count the first class as the positive one.
        let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
        let coef = fitted.params().mapv(|w| sign * w).insert_axis(ndarray::Axis(0));
        return Ok((coef, Array1::from(vec![sign * fitted.intercept()])));
    }
    let fitted = MultiLogisticRegression::default()
        .alpha(1.0 / probe.c)
        .max_iterations(probe.max_iter as u64)
        .gradient_tolerance(tolerance)
        .fit(&dataset)
        .map_err(failed)?;
    Ok((fitted.params().t().to_owned(), fitted.intercept().to_owned()))
}
