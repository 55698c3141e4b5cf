//! Tables of numbers, a row for each image: what every probe asks of them, and their way to libtorch and back.

use ndarray::{Array1, Array2, ArrayD, Axis};
use tch::kind::Element;
use tch::{TchError, Tensor};

use crate::{Error, Result};

/// Refuses NaN and infinity in the argument `name`.
pub(super) fn check_finite<T: Copy + Into<f64>>(
    name: &'static str,
    rows: &Array2<T>,
) -> Result<()> {
    for (row, values) in rows.outer_iter().enumerate() {
        if let Some(column) = values.iter().position(|&value| !value.into().is_finite()) {
            return Err(Error::NonFinite {
                name,
                place: format!("in row {row}, column {column}"),
                hint: "The encoder may have diverged: look at its loss".into(),
            });
        }
    }
    Ok(())
}

/// The same numbers in float64. Whoever takes numbers of any kind calls this first: what is generic is compiled where
/// it is called, in a notebook with each cell that does so.
pub(super) fn float64<T: Copy + Into<f64>>(rows: &Array2<T>) -> Array2<f64> {
    rows.mapv(Into::into)
}

/// Refuses the argument `name` if it does not fit what was fitted on `width` features.
///
/// # Errors
/// If it has another number of features, or one that is not finite.
pub(super) fn check_features(width: usize, name: &'static str, rows: &Array2<f64>) -> Result<()> {
    if rows.ncols() != width {
        return Err(Error::Shape {
            name,
            found: vec![rows.nrows() as i64, rows.ncols() as i64],
            expected: format!("(N, {width})"),
            hint: "Use features of the encoder whose features were fitted.".into(),
        });
    }
    check_finite(name, rows)
}

/// The mean of every column of the argument `name`.
pub(super) fn column_means(name: &'static str, rows: &Array2<f64>) -> Result<Array1<f64>> {
    let sums = rows.sum_axis(Axis(0));
    if sums.iter().all(|sum| sum.is_finite()) {
        return Ok(sums / rows.nrows() as f64);
    }
    Err(Error::NonFinite {
        name,
        place: "in the sum of a column".into(),
        hint: "Scale the features to a deviation near 1".into(),
    })
}

pub(super) fn tensor<T: Element + Clone>(rows: &Array2<T>) -> Result<Tensor> {
    Ok(Tensor::try_from(rows.as_standard_layout())?)
}

pub(super) fn array(rows: &Tensor) -> Result<Array2<f64>> {
    let rows: ArrayD<f64> = rows.try_into()?;
    Ok(rows.into_dimensionality().map_err(TchError::from)?)
}
