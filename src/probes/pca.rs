//! Features in two dimensions, to look at.

use std::fmt;

use ndarray::{Array1, Array2};
use tch::Kind;

use super::features::{array, check_features, check_finite, column_means, float64, tensor};
use crate::{Error, Result};

/// Widest features: the covariance of wider ones would take more than 128 MiB.
const MAX_FEATURES: usize = 4_096;

/// Principal component analysis: the directions in which features vary most (scikit-learn's `PCA`; Pearson, "On
/// lines and planes of closest fit to systems of points in space", Philosophical Magazine 1901).
///
/// A map of the plane that turns and projects and does nothing else: distances in it are never larger than they are,
/// so that what lies apart in the figure lies apart in the features, but not the other way round. Directions have the
/// sign that makes their largest component positive. Computed in float64 from the covariance.
///
/// | name | default | range |
/// |---|---|---|
/// | `n_components` | 2 | 1 to the number of features, which are at most 4,096 |
///
/// ```
/// use twoviews::ndarray::array;
/// use twoviews::probes::Pca;
/// // Points on the line y = x.
/// let x = array![[0.0f32, 0.0], [1.0, 1.0], [2.0, 2.0]];
/// let fitted = Pca { n_components: 1 }.fit(&x)?;
/// assert!((fitted.explained_variance_ratio[0] - 1.0).abs() < 1e-12);
/// let y = fitted.transform(&x)?; // (3, 1)
/// assert!((y[[2, 0]] - 2f64.sqrt()).abs() < 1e-9 && y[[1, 0]].abs() < 1e-9);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// Dimensions that are kept.
    pub n_components: usize,
}

impl Default for Pca {
    fn default() -> Self {
        Self { n_components: 2 }
    }
}

impl Pca {
    /// The directions of features `x` (N, D).
    ///
    /// # Errors
    /// If `n_components` is out of range, `x` has less than two rows or more than 4,096 columns, or a number is
    /// not finite.
    pub fn fit<T: Copy + Into<f64>>(&self, x: &Array2<T>) -> Result<FittedPca> {
        self.fit_float64(float64(x))
    }

    fn fit_float64(&self, x: Array2<f64>) -> Result<FittedPca> {
        let (rows, width) = x.dim();
        if rows < 2 || !(1..=MAX_FEATURES).contains(&width) {
            return Err(Error::Shape {
                name: "x",
                found: vec![rows as i64, width as i64],
                expected: format!("(N, D) with N >= 2 and D in 1 to {MAX_FEATURES}"),
                hint: "Give the features of an encoder.".into(),
            });
        }
        if !(1..=width).contains(&self.n_components) {
            let hint = format!("x has {width} features; a figure shows 2 components.");
            let allowed = "between 1 and the number of features";
            return Err(Error::parameter("n_components", self.n_components, allowed, hint));
        }
        check_finite("x", &x)?;
        let _guard = tch::no_grad_guard();
        let mean = column_means("x", &x)?;
        let centred = tensor(&(x - &mean))?;
        let covariance = centred.f_tr()?.f_matmul(&centred)?.f_div_scalar((rows - 1) as f64)?;
        if covariance.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return Err(Error::NonFinite {
                name: "covariance",
                place: format!("of {width} features"),
                hint: "Scale the features to a deviation near 1".into(),
            });
        }
        let total = covariance.f_trace()?.f_double_value(&[])?;
        let (variances, directions) = covariance.f_linalg_eigh("L")?; // ascending; columns
        let k = self.n_components as i64;
        let largest = |t: &tch::Tensor, dim: i64| -> Result<tch::Tensor> {
            Ok(t.f_narrow(dim, width as i64 - k, k)?.f_flip([dim])?)
        };
        let variances = largest(&variances, 0)?.f_clamp_min(0.0)?;
        let directions = largest(&directions, 1)?.f_tr()?.f_contiguous()?; // (k, D)
        let at = directions.f_abs()?.f_argmax(1, true)?;
        let sign = directions.f_gather(1, &at, false)?.f_sign()?; // (k, 1)
        let variances = Vec::<f64>::try_from(variances.f_to_kind(Kind::Double)?)?;
        let share = |&variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
        Ok(FittedPca {
            components: array(&directions.f_mul(&sign)?)?,
            explained_variance_ratio: variances.iter().map(share).collect(),
            explained_variance: variances.into(),
            mean,
        })
    }
}

/// A fitted [`Pca`].
#[derive(Clone)]
pub struct FittedPca {
    /// Directions of length 1, (components, D), the one of most variance first.
    pub components: Array2<f64>,
    /// Variance along each.
    pub explained_variance: Array1<f64>,
    /// Its share of the features' whole variance.
    pub explained_variance_ratio: Array1<f64>,
    /// Mean of the features, (D).
    pub mean: Array1<f64>,
}

impl FittedPca {
    /// The components (N, components) of features (N, D).
    ///
    /// # Errors
    /// If `x` has another number of features, or one that is not finite.
    pub fn transform<T: Copy + Into<f64>>(&self, x: &Array2<T>) -> Result<Array2<f64>> {
        self.components_of(float64(x))
    }

    fn components_of(&self, x: Array2<f64>) -> Result<Array2<f64>> {
        check_features(self.mean.len(), "x", &x)?;
        Ok((x - &self.mean).dot(&self.components.t()))
    }
}

impl fmt::Debug for FittedPca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.explained_variance_ratio.sum();
        let (k, d) = self.components.dim();
        write!(f, "{k} of {d} dimensions, {share:.1} % of the variance")
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;

    #[test]
    fn equal_rows_have_no_direction() {
        let fitted = Pca::default().fit(&Array2::from_elem((4, 3), 7.0f32)).unwrap();
        assert_eq!(fitted.explained_variance.sum(), 0.0);
        assert_eq!(fitted.explained_variance_ratio.sum(), 0.0);
        let y = fitted.transform(&Array2::from_elem((1, 3), 7.0f32)).unwrap();
        assert_eq!(y.sum_axis(Axis(0)), Array1::<f64>::zeros(2));
    }
}
