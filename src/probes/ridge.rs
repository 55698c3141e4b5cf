//! Ridge regression with scikit-learn's objective: what a linear map reads of numbers in features.

use std::fmt;

use ndarray::{Array1, Array2};
use tch::{Kind, Tensor};

use super::features::{array, check_features, check_finite, column_means, float64, tensor};
use crate::{Error, Result};

/// Ridge regression: minimises sum_n |y_n - W x_n - b|^2 + alpha |W|^2, intercept b free, in float64
/// (scikit-learn's `Ridge`; Hoerl and Kennard, "Ridge regression", Technometrics 1970, equation 2.1).
///
/// | name | default | range |
/// |---|---|---|
/// | `alpha` | 1 | > 0 |
///
/// ```
/// use twoviews::ndarray::array;
/// use twoviews::probes::Ridge;
/// // Centred, w = x y / (x^2 + alpha) = 4 / (2 + 1).
/// let fitted = Ridge { alpha: 1.0 }.fit(&array![[1.0], [3.0]], &array![[0.0], [4.0]])?;
/// assert!((fitted.coef[[0, 0]] - 4. / 3.).abs() < 1e-12);
/// assert!((fitted.intercept[0] - (2. - 2. * 4. / 3.)).abs() < 1e-12);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    /// Strength of the penalty.
    pub alpha: f64,
}

impl Default for Ridge {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Ridge {
    /// Fits features `x` (N, D) to numbers `y` (N, T).
    ///
    /// # Errors
    /// If `alpha` is out of range, the lengths differ, there is nothing, a number is not finite, or all are so
    /// large that their squares are not.
    pub fn fit<T: Copy + Into<f64>>(&self, x: &Array2<T>, y: &Array2<f64>) -> Result<FittedRidge> {
        self.fit_float64(float64(x), y)
    }

    pub(super) fn fit_float64(&self, x: Array2<f64>, y: &Array2<f64>) -> Result<FittedRidge> {
        self.check()?;
        check_rows(&x, y)?;
        let _guard = tch::no_grad_guard();
        let (x_mean, y_mean) = (column_means("x", &x)?, column_means("y", y)?);
        let (x, y) = (tensor(&(x - &x_mean))?, tensor(&(y - &y_mean))?);
        let d = x.size()[1];
        let penalty = Tensor::f_eye(d, (Kind::Double, x.device()))?.f_mul_scalar(self.alpha)?;
        let gram = x.f_tr()?.f_matmul(&x)?.f_add(&penalty)?; // (D, D)
        let (factor, info) = Tensor::f_linalg_cholesky_ex(&gram, false, false)?;
        let w = x.f_tr()?.f_matmul(&y)?.f_cholesky_solve(&factor, false)?; // (D, T)
        let finite =
            |t: &Tensor| -> Result<bool> { Ok(t.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1) };
        // The inverse of infinity is a finite 0.
        if info.f_int64_value(&[])? != 0 || !finite(&gram)? || !finite(&w)? {
            return Err(Error::NonFinite {
                name: "ridge regression",
                place: format!("of {} features", d),
                hint: "Scale the features to a deviation near 1, or use a larger alpha".into(),
            });
        }
        let coef = array(&w.f_tr()?)?;
        let intercept = y_mean - coef.dot(&x_mean);
        Ok(FittedRidge { coef, intercept })
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.alpha > 0.0 && self.alpha.is_finite() {
            return Ok(());
        }
        let hint = "scikit-learn's default is 1.";
        Err(Error::parameter("alpha", self.alpha, "finite and > 0", hint))
    }
}

/// A fitted [`Ridge`].
#[derive(Clone)]
pub struct FittedRidge {
    /// Coefficients, (T, D).
    pub coef: Array2<f64>,
    /// Intercepts, (T).
    pub intercept: Array1<f64>,
}

impl FittedRidge {
    /// The numbers (N, T) that are read from features (N, D).
    ///
    /// # Errors
    /// If `x` has another number of features, or one that is not finite.
    pub fn predict<T: Copy + Into<f64>>(&self, x: &Array2<T>) -> Result<Array2<f64>> {
        self.predict_float64(&float64(x))
    }

    pub(super) fn predict_float64(&self, x: &Array2<f64>) -> Result<Array2<f64>> {
        check_features(self.coef.ncols(), "x", x)?;
        Ok(x.dot(&self.coef.t()) + &self.intercept)
    }
}

impl fmt::Debug for FittedRidge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers from {} features", self.coef.nrows(), self.coef.ncols())
    }
}

/// Refuses rows that do not belong together, and numbers that are none.
fn check_rows(x: &Array2<f64>, y: &Array2<f64>) -> Result<()> {
    if x.nrows() != y.nrows() || x.is_empty() || y.is_empty() {
        return Err(Error::Shape {
            name: "x",
            found: vec![x.nrows() as i64, x.ncols() as i64],
            expected: format!("({}, D) like y, with at least one row and one column", y.nrows()),
            hint: "Give one row of features for each row of numbers.".into(),
        });
    }
    check_finite("x", x)?;
    check_finite("y", y)
}
