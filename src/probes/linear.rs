//! The linear probe: logistic regression with scikit-learn's objective and parameters.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use super::features::{check_features, check_finite, float64};
use super::newton::largest;
use super::objective::{Objective, Optimum};
use super::{lbfgs, newton};
use crate::{Error, Result};

/// How the optimum is sought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// Newton's method: converges in a few iterations, for up to some thousand coefficients.
    #[default]
    Newton,
    /// L-BFGS of linfa-logistic, on features of any size: the tutorial's solver. On the features of a
    /// contrastive encoder it is far from converged after 500 iterations. Where linfa gets no further
    /// or its loss would be wrong, since logits are more than 30 apart, argmin's goes on.
    Lbfgs,
}

/// Logistic regression: minimises sum_n -log p(y_n | x_n) + |W|^2 / (2 C), p = softmax(W x + b),
/// intercept b free, from 0, in float64 (scikit-learn's `LogisticRegression`).
///
/// | name | default | range |
/// |---|---|---|
/// | `c` | 1 | > 0, with a finite inverse |
/// | `max_iter` | 100 | >= 1 |
/// | `tol` | 1e-4 | > 0; bound of the largest component of the gradient of the mean objective (L-BFGS: of its length) |
/// | `solver` | `Newton` | |
///
/// ```
/// use twoviews::ndarray::array;
/// use twoviews::probes::LogisticRegression;
/// let x = array![[-1.0], [1.0]];
/// let probe = LogisticRegression::default().fit(&x, &array![3, 7])?;
/// // By symmetry the intercept is 0, and w solves w = 2 / (1 + exp(w)).
/// assert!((probe.coef[[0, 0]] - 0.6748).abs() < 1e-3 && probe.intercept[0].abs() < 1e-9);
/// assert_eq!(probe.predict(&array![[-0.1], [0.1]])?, array![3, 7]);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticRegression {
    /// Inverse strength of the penalty.
    pub c: f64,
    /// Iterations at most.
    pub max_iter: usize,
    /// When to stop.
    pub tol: f64,
    /// How the optimum is sought.
    pub solver: Solver,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { c: 1.0, max_iter: 100, tol: 1e-4, solver: Solver::Newton }
    }
}

impl LogisticRegression {
    /// Fits features `x` (N, D) to class labels `y` (N).
    ///
    /// # Errors
    /// If a parameter is out of range, the lengths differ, a feature is not finite, `y` has fewer
    /// than two classes, or the problem is too large for the solver.
    pub fn fit<T: Copy + Into<f64>>(
        &self,
        x: &Array2<T>,
        y: &Array1<i64>,
    ) -> Result<FittedLogisticRegression> {
        self.fit_float64(float64(x), y)
    }

    fn fit_float64(&self, x: Array2<f64>, y: &Array1<i64>) -> Result<FittedLogisticRegression> {
        self.check()?;
        let (classes, indices) = check_input(&x, y)?;
        let objective = Objective::new(&x, &indices, classes.len(), self.c)?;
        let Optimum { w, iterations } = match self.solver {
            Solver::Newton => {
                // The objective has a copy.
                drop(x);
                newton::minimise(&objective, self.max_iter, self.tol)?
            }
            Solver::Lbfgs => {
                lbfgs::minimise(&objective, x, &indices, self.c, self.max_iter, self.tol)?
            }
        };
        let at = objective.evaluate(&w);
        let (coef, intercept) = objective.split(&w)?;
        let gradient_norm = largest(&at.gradient) / objective.samples() as f64;
        Ok(FittedLogisticRegression {
            coef,
            intercept,
            classes,
            objective: at.value,
            gradient_norm,
            converged: gradient_norm <= self.tol,
            n_iter: Some(iterations),
            parameters: self.clone(),
        })
    }

    fn check(&self) -> Result<()> {
        for (name, value) in [("C", self.c), ("tol", self.tol)] {
            if !(value > 0.0 && value.is_finite() && value.recip().is_finite()) {
                let hint = "scikit-learn's defaults are C = 1 and tol = 1e-4.";
                let allowed = "finite and > 0, with a finite inverse";
                return Err(Error::parameter(name, value, allowed, hint));
            }
        }
        if self.max_iter == 0 {
            let hint = "Newton needs about 10, L-BFGS often thousands.";
            return Err(Error::parameter("max_iter", 0, ">= 1", hint));
        }
        Ok(())
    }
}

/// Logits (N, classes) to probabilities.
fn softmax(mut logits: Array2<f64>) -> Array2<f64> {
    for mut row in logits.outer_iter_mut() {
        let largest = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|logit| (logit - largest).exp());
        row /= row.sum();
    }
    logits
}

/// Probabilities that are kept at once, one for each row and class.
const PROBABILITIES: usize = 1 << 29;

/// The classes in order, and the class index of every row.
fn check_input(x: &Array2<f64>, y: &Array1<i64>) -> Result<(Vec<i64>, Vec<i64>)> {
    if x.nrows() != y.len() || x.is_empty() {
        return Err(Error::Shape {
            name: "x",
            found: vec![x.nrows() as i64, x.ncols() as i64],
            expected: format!("({}, D) with at least one row and one column", y.len()),
            hint: "Give one row of features for each label.".into(),
        });
    }
    check_finite("x", x)?;
    let mut classes = y.to_vec();
    classes.sort_unstable();
    classes.dedup();
    if classes.len() < 2 {
        let hint = format!("All labels are {}: choose images of several classes.", classes[0]);
        return Err(Error::parameter("classes", classes.len(), ">= 2", hint));
    }
    if classes.len().saturating_mul(x.nrows()) > PROBABILITIES {
        let hint = format!("There are {} rows: give them labels of fewer classes.", x.nrows());
        let allowed = "at most 2^29 rows times classes, 4 GiB";
        return Err(Error::parameter("classes", classes.len(), allowed, hint));
    }
    let index = |label: &i64| classes.partition_point(|class| class < label) as i64;
    let indices = y.iter().map(index).collect();
    Ok((classes, indices))
}

/// A fitted [`LogisticRegression`], and how far it got.
#[derive(Clone)]
pub struct FittedLogisticRegression {
    /// Coefficients, (classes, D), or (1, D) for two classes.
    pub coef: Array2<f64>,
    /// Intercepts, (classes), or (1) for two classes.
    pub intercept: Array1<f64>,
    /// The labels, in order.
    pub classes: Vec<i64>,
    /// Value of the objective, summed over the samples.
    pub objective: f64,
    /// Largest component of the gradient of the mean objective.
    pub gradient_norm: f64,
    /// Whether `gradient_norm` is at most `tol`.
    pub converged: bool,
    /// Iterations; L-BFGS: at most so many, since linfa does not tell (25, 75, 175, ... or `max_iter`).
    pub n_iter: Option<usize>,
    parameters: LogisticRegression,
}

impl FittedLogisticRegression {
    /// Logits (N, classes) of features (N, D); the first of two classes has the logit 0.
    ///
    /// # Errors
    /// If `x` has another number of features than the probe was fitted on, or holds NaN or infinity,
    /// or numbers so large that the logits leave the range of float64.
    pub fn decision_function<T: Copy + Into<f64>>(&self, x: &Array2<T>) -> Result<Array2<f64>> {
        self.logits(&float64(x))
    }

    fn logits(&self, x: &Array2<f64>) -> Result<Array2<f64>> {
        check_features(self.coef.ncols(), "x", x)?;
        let logits = x.dot(&self.coef.t()) + &self.intercept;
        if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
            return Err(Error::NonFinite {
                name: "logit",
                place: format!("in row {}", at / logits.ncols()),
                hint: "Its features are too large: use features of the encoder that the probe was \
                       fitted on"
                    .into(),
            });
        }
        if self.classes.len() > 2 {
            return Ok(logits);
        }
        let mut both = Array2::zeros((logits.nrows(), 2));
        both.column_mut(1).assign(&logits.column(0));
        Ok(both)
    }

    /// Probabilities (N, classes) of features (N, D).
    ///
    /// # Errors
    /// As [`decision_function`](Self::decision_function).
    pub fn predict_proba<T: Copy + Into<f64>>(&self, x: &Array2<T>) -> Result<Array2<f64>> {
        Ok(softmax(self.decision_function(x)?))
    }

    /// The likeliest label of each row of features (N, D).
    ///
    /// # Errors
    /// As [`decision_function`](Self::decision_function).
    pub fn predict<T: Copy + Into<f64>>(&self, x: &Array2<T>) -> Result<Array1<i64>> {
        Ok(self.likeliest(&self.decision_function(x)?))
    }

    fn likeliest(&self, logits: &Array2<f64>) -> Array1<i64> {
        let likeliest = |row: ndarray::ArrayView1<'_, f64>| {
            let mut best = 0;
            for (k, &logit) in row.iter().enumerate() {
                if logit > row[best] {
                    best = k;
                }
            }
            self.classes[best]
        };
        logits.map_axis(Axis(1), likeliest)
    }

    /// Share of rows whose likeliest label is `y`.
    ///
    /// # Errors
    /// As [`decision_function`](Self::decision_function), or if the lengths differ.
    pub fn score<T: Copy + Into<f64>>(&self, x: &Array2<T>, y: &Array1<i64>) -> Result<f64> {
        accuracy(&self.predict(x)?, y)
    }

    fn counted(&self, n_iter: usize) -> String {
        let most = if self.parameters.solver == Solver::Lbfgs { "at most " } else { "" };
        format!("{most}{n_iter} iterations")
    }

    /// What to know before trusting the result: the text of scikit-learn's `ConvergenceWarning`.
    pub fn warning(&self) -> Option<String> {
        if self.converged {
            return None;
        }
        let LogisticRegression { tol, max_iter, solver, .. } = self.parameters;
        let (why, remedy) = match self.n_iter {
            Some(n_iter) if n_iter < max_iter => (
                format!("{}, where no step lowers the objective in float64", self.counted(n_iter)),
                "scale the features to a deviation near 1",
            ),
            _ => (format!("max_iter = {max_iter}"), "raise max_iter"),
        };
        let other = if solver == Solver::Lbfgs { " or use Solver::Newton" } else { "" };
        let norm = self.gradient_norm;
        Some(format!(
            "not converged: gradient {norm:.1e} > tol {tol:.1e} after {why}; {remedy}{other}"
        ))
    }
}

impl fmt::Debug for FittedLogisticRegression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FittedLogisticRegression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let solver = self.parameters.solver;
        write!(f, "{} classes, {solver:?}, objective {:.4}", self.classes.len(), self.objective)?;
        if let Some(n_iter) = self.n_iter {
            write!(f, ", {}", self.counted(n_iter))?;
        }
        match self.warning() {
            Some(warning) => write!(f, "; {warning}"),
            None => write!(f, ", converged"),
        }
    }
}

/// Share of equal labels.
pub(super) fn accuracy(predicted: &Array1<i64>, y: &Array1<i64>) -> Result<f64> {
    if predicted.len() != y.len() || y.is_empty() {
        return Err(Error::Shape {
            name: "y",
            found: vec![y.len() as i64],
            expected: format!("({})", predicted.len()),
            hint: "Give one label for each row of features, and at least one.".into(),
        });
    }
    let right = predicted.iter().zip(y).filter(|(a, b)| a == b).count();
    Ok(right as f64 / y.len() as f64)
}
