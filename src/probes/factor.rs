//! What features know of the factors of Shapes10: a linear map reads each, and R^2 says how well.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use super::Ridge;
use super::features::{check_features, check_finite, float64};
use crate::data::{Factor, Shapes10};
use crate::rng::RandomStream;
use crate::{Error, Result};

/// R^2 = 1 - sum |y - prediction|^2 / sum |y - mean of y|^2 over rows and columns: scikit-learn's
/// `r2_score(y, predicted, multioutput="variance_weighted")`.
///
/// 1 is perfect; 0 is what the mean of `y` would reach; worse predictions are below.
///
/// ```
/// use twoviews::ndarray::array;
/// use twoviews::probes::r2_score;
/// // Errors 1 and 1; squares about the mean 2 are 4 and 4.
/// assert_eq!(r2_score(&array![[0.], [4.]], &array![[1.], [3.]])?, 0.75);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// If the shapes differ, a number is not finite, or `y` has less than two different rows.
pub fn r2_score(y: &Array2<f64>, predicted: &Array2<f64>) -> Result<f64> {
    check_shapes(y, predicted)?;
    let all: Vec<usize> = (0..y.nrows()).collect();
    match r2_of(y, &row_errors(y, predicted), &all) {
        Some(r2) => Ok(r2),
        None => {
            let hint = "All are equal, or beyond float64: there is nothing to explain.";
            let rows = format!("{} rows", y.nrows());
            Err(Error::parameter("y", rows, "at least two different rows", hint))
        }
    }
}

/// A ridge regression on standardised features (scikit-learn's `StandardScaler`, then [`Ridge`]), and its
/// [`r2_score`] on other rows with an interval.
///
/// The interval is the 2.5th to the 97.5th percentile over resamples of the test rows (Efron, "Bootstrap methods:
/// another look at the jackknife", Annals of Statistics 1979): it says what another choice of test images would
/// change, not another training.
///
/// | name | default | range |
/// |---|---|---|
/// | `alpha` | 1 | > 0 |
/// | `n_resamples` | 1,000 | 1 to 100,000 |
/// | `seed` | 42 | |
///
/// ```
/// use twoviews::ndarray::Array2;
/// use twoviews::probes::FactorProbe;
/// use twoviews::prelude::*;
/// let shapes = Shapes10 { num_images: 100, ..Default::default() };
/// let probe = FactorProbe::default();
/// let y = probe.targets(&shapes, Factor::Size, 0..100)?; // (100, 1)
/// // Features that are the radius: it is read almost exactly.
/// let score = probe.score((&y, &y), (&y, &y))?;
/// assert!(score.r2 > 0.999 && score.low <= score.r2 && score.r2 <= score.high);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FactorProbe {
    /// Strength of the ridge's penalty.
    pub alpha: f64,
    /// Resamples behind the interval.
    pub n_resamples: usize,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for FactorProbe {
    fn default() -> Self {
        Self { alpha: 1.0, n_resamples: 1_000, seed: 42 }
    }
}

/// How well a factor is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FactorScore {
    /// R^2 on the test rows.
    pub r2: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

impl fmt::Display for FactorScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { r2, low, high } = self;
        write!(f, "{r2:.3} [{low:.3}, {high:.3}]")
    }
}

impl FactorProbe {
    /// What is to be read: [`Factors::values`](crate::data::Factors::values) of each image, (N, 1) or (N, 2).
    ///
    /// # Errors
    /// If an index is not below `num_images`, or the angle is asked of several classes, or of one that shows none.
    pub fn targets(
        &self,
        shapes: &Shapes10,
        factor: Factor,
        indices: impl IntoIterator<Item = usize>,
    ) -> Result<Array2<f64>> {
        self.targets_of(shapes, factor, &mut indices.into_iter())
    }

    fn targets_of(
        &self,
        shapes: &Shapes10,
        factor: Factor,
        indices: &mut dyn Iterator<Item = usize>,
    ) -> Result<Array2<f64>> {
        let (mut values, mut rows, mut class) = (vec![], 0, None);
        for index in indices {
            let factors = shapes.factors(index)?;
            if factor == Factor::Angle {
                let first = *class.get_or_insert(factors.class);
                let numbers = factors.values(factor);
                if factors.class != first || numbers.is_empty() {
                    let value = format!("the angle of a {}, image {index}", factors.class_name());
                    let hint = "A crescent shows its whole angle: choose indices with i % 10 == 6.";
                    let allowed = "angles of one class that is neither disc nor ring";
                    return Err(Error::parameter("factor", value, allowed, hint));
                }
            }
            values.extend(factors.values(factor));
            rows += 1;
        }
        let width = values.len() / rows.max(1);
        Array2::from_shape_vec((rows, width), values)
            .map_err(|error| tch::TchError::Shape(error.to_string()).into())
    }

    /// Fits features `x` (N, D) to the numbers `y` (N, T) and scores it on others.
    ///
    /// # Errors
    /// If a parameter is out of range, shapes do not fit, a number is not finite, or the test's `y` has less than
    /// two different rows.
    pub fn score<T: Copy + Into<f64>>(
        &self,
        (x, y): (&Array2<T>, &Array2<f64>),
        (x_test, y_test): (&Array2<T>, &Array2<f64>),
    ) -> Result<FactorScore> {
        self.score_float64((float64(x), y), (float64(x_test), y_test))
    }

    fn score_float64(
        &self,
        (x, y): (Array2<f64>, &Array2<f64>),
        (x_test, y_test): (Array2<f64>, &Array2<f64>),
    ) -> Result<FactorScore> {
        let ridge = Ridge { alpha: self.alpha };
        ridge.check()?;
        if !(1..=100_000).contains(&self.n_resamples) {
            let hint = "1,000 give the interval's ends to about a tenth of its width.";
            return Err(Error::parameter("n_resamples", self.n_resamples, "in 1 to 100000", hint));
        }
        let (mean, scale) = mean_and_scale(&x);
        let fitted = ridge.fit_float64((x - &mean) / &scale, y)?;
        check_features(mean.len(), "x_test", &x_test)?;
        let predicted = fitted.predict_float64(&((x_test - &mean) / &scale))?;
        let r2 = r2_score(y_test, &predicted)?;
        let (low, high) = self.interval(y_test, &predicted, r2);
        Ok(FactorScore { r2, low, high })
    }

    /// Percentiles of R^2 over resamples of the rows.
    fn interval(&self, y: &Array2<f64>, predicted: &Array2<f64>, r2: f64) -> (f64, f64) {
        let errors = row_errors(y, predicted);
        let n = y.nrows() as u32;
        let mut scores: Vec<f64> = (0..self.n_resamples as u64)
            .filter_map(|resample| {
                let mut random = RandomStream::new(self.seed, 0, resample, 0);
                let rows: Vec<usize> = (0..n).map(|_| random.below(n) as usize).collect();
                r2_of(y, &errors, &rows)
            })
            .collect();
        scores.sort_by(f64::total_cmp);
        let percentile = |share: f64| {
            let last = scores.len().saturating_sub(1);
            scores.get((share * last as f64).round() as usize).copied().unwrap_or(r2)
        };
        (percentile(0.025).min(r2), percentile(0.975).max(r2))
    }
}

/// Mean and deviation of every column; a column of one number is left as it is.
fn mean_and_scale(x: &Array2<f64>) -> (Array1<f64>, Array1<f64>) {
    let n = x.nrows().max(1) as f64;
    let mean = x.sum_axis(Axis(0)) / n;
    let variance = (x - &mean).mapv(|v| v * v).sum_axis(Axis(0)) / n;
    // Below what rounding leaves of a constant column.
    let scale = variance.mapv(f64::sqrt);
    let constant = |s: f64, m: f64| s <= 10.0 * f64::EPSILON * m.abs() || s == 0.0;
    let scale = ndarray::Zip::from(&scale)
        .and(&mean)
        .map_collect(|&s, &m| if constant(s, m) { 1.0 } else { s });
    (mean, scale)
}

/// |y - prediction|^2 of each row.
fn row_errors(y: &Array2<f64>, predicted: &Array2<f64>) -> Array1<f64> {
    (y - predicted).mapv(|v| v * v).sum_axis(Axis(1))
}

/// R^2 over the chosen rows, or nothing if they are all equal.
fn r2_of(y: &Array2<f64>, errors: &Array1<f64>, rows: &[usize]) -> Option<f64> {
    // Rounding leaves a little of a sum of zeros.
    if rows.iter().all(|&row| y.row(row) == y.row(rows[0])) {
        return None;
    }
    let n = rows.len() as f64;
    let mut mean = vec![0.0; y.ncols()];
    for &row in rows {
        mean.iter_mut().zip(y.row(row)).for_each(|(m, &v)| *m += v / n);
    }
    let about =
        |row: usize| y.row(row).iter().zip(&mean).map(|(v, m)| (v - m).powi(2)).sum::<f64>();
    let total: f64 = rows.iter().map(|&row| about(row)).sum();
    let error: f64 = rows.iter().map(|&row| errors[row]).sum();
    let r2 = 1.0 - error / total;
    r2.is_finite().then_some(r2)
}

fn check_shapes(y: &Array2<f64>, predicted: &Array2<f64>) -> Result<()> {
    if y.dim() != predicted.dim() || y.is_empty() {
        return Err(Error::Shape {
            name: "predicted",
            found: vec![predicted.nrows() as i64, predicted.ncols() as i64],
            expected: format!("({}, {}) like y, not empty", y.nrows(), y.ncols()),
            hint: "Give one prediction for each number.".into(),
        });
    }
    check_finite("y", y)?;
    check_finite("predicted", predicted)
}
