//! Embeddings of a run as a page stores them.

use twoviews::{Error, Result};

/// Both views of all images, each row by row, from (2, N, width) numbers rounded to 8 bits. The length of an
/// embedding does not count, so each has its own unit.
///
/// # Errors
/// If the numbers do not belong to two views.
pub fn two_views(stored: &[i8]) -> Result<[Vec<f64>; 2]> {
    if !stored.len().is_multiple_of(2) {
        let hint = "Both views come from the same images.";
        return Err(Error::parameter("embeddings", stored.len(), "an even number", hint));
    }
    let (first, second) = stored.split_at(stored.len() / 2);
    Ok([first, second].map(|view| view.iter().map(|&x| f64::from(x)).collect()))
}
