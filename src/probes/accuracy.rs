//! The accuracy of predicted labels.

use ndarray::Array1;

use crate::{Error, Result};

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
