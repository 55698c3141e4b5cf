//! Which classes are taken for which.

use ndarray::{Array1, Array2};

use crate::{Error, Result};

/// How often each class is taken for each, (classes, classes): row the true label, column the predicted one
/// (scikit-learn's `confusion_matrix`).
///
/// ```
/// use twoviews::ndarray::array;
/// use twoviews::stats::confusion_matrix;
/// let counts = confusion_matrix(&array![0, 0, 1], &array![0, 1, 1], 3)?;
/// assert_eq!(counts, array![[1, 1, 0], [0, 1, 0], [0, 0, 0]]);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// If the lengths differ, `classes` is not in 1 to 10,000, or a label is not in 0 to `classes` - 1.
pub fn confusion_matrix(
    y: &Array1<i64>,
    predicted: &Array1<i64>,
    classes: usize,
) -> Result<Array2<usize>> {
    if y.len() != predicted.len() {
        return Err(Error::Shape {
            name: "predicted",
            found: vec![predicted.len() as i64],
            expected: format!("({}) like y", y.len()),
            hint: "Give as many labels as there are predictions.".into(),
        });
    }
    if !(1..=10_000).contains(&classes) {
        let hint = "Give the number of class names.";
        return Err(Error::parameter("classes", classes, "in 1 to 10000", hint));
    }
    let place = |name, label: i64| match usize::try_from(label) {
        Ok(class) if class < classes => Ok(class),
        _ => {
            let hint = format!("There are {classes} classes: labels are 0 to {}.", classes - 1);
            Err(Error::parameter(name, label, "a class index", hint))
        }
    };
    let mut counts = Array2::zeros((classes, classes));
    for (&label, &predicted) in y.iter().zip(predicted) {
        counts[[place("y", label)?, place("predicted", predicted)?]] += 1;
    }
    Ok(counts)
}
