//! A few labels of each class, for the accuracy against their number.

use std::collections::BTreeMap;

use ndarray::Array1;

use crate::rng::RandomStream;
use crate::{Error, Result};

/// Positions of `per_class` rows of each class of `labels`, in ascending order: a stratified subset.
///
/// Drawn at random from (`seed`, class): with one seed, more labels hold the fewer ones, so that a curve over their
/// number is of growing sets.
///
/// ```
/// use twoviews::ndarray::{Axis, array};
/// use twoviews::probes::stratified_subset;
/// let labels = array![7, 7, 3, 7, 3];
/// let rows = stratified_subset(&labels, 2, 42)?;
/// assert_eq!(labels.select(Axis(0), &rows).iter().filter(|&&label| label == 7).count(), 2);
/// assert_eq!(rows.len(), 4);
/// # Ok::<(), twoviews::Error>(())
/// ```
///
/// # Errors
/// If `per_class` is 0, there is no label, or a class has fewer rows.
pub fn stratified_subset(labels: &Array1<i64>, per_class: usize, seed: u64) -> Result<Vec<usize>> {
    let mut rows_of: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, &label) in labels.iter().enumerate() {
        rows_of.entry(label).or_default().push(row);
    }
    let least = rows_of.values().map(Vec::len).min().unwrap_or(0);
    if !(1..=least).contains(&per_class) {
        let hint = format!("The smallest class has {least} rows.");
        let allowed = "between 1 and the rows of the smallest class";
        return Err(Error::parameter("per_class", per_class, allowed, hint));
    }
    let mut chosen = Vec::with_capacity(per_class.saturating_mul(rows_of.len()));
    for (class, rows) in rows_of.values_mut().enumerate() {
        RandomStream::new(seed, 0, class as u64, 0).shuffle(rows);
        chosen.extend(&rows[..per_class]);
    }
    chosen.sort_unstable();
    Ok(chosen)
}
