//! The binary records of CIFAR-10: a label byte, then the red, green and blue planes.

use std::path::Path;

use crate::{Error, Result};

/// Rows and columns of an image.
pub(super) const SIZE: usize = 32;

const PLANE: usize = SIZE * SIZE;

/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = 1 + 3 * PLANE;

/// Appends the records in `bytes` to `pixels` (row, column, channel) and `targets`.
///
/// # Errors
/// [`Error::Format`] if the last record is short or a label exceeds 9; `path` is named in it.
pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
    pixels: &mut Vec<u8>,
    targets: &mut Vec<u8>,
) -> Result<()> {
    const HINT: &str = "Delete the file and its archive, so that they are downloaded again";
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() || records.is_empty() {
        let problem =
            format!("{} bytes are no whole number of records of {RECORD_BYTES} bytes", bytes.len());
        return Err(Error::format(path, problem, HINT));
    }
    for (i, record) in records.iter().enumerate() {
        let (target, planes) = (record[0], &record[1..]);
        if target > 9 {
            let problem = format!("record {i} has the label {target}, above 9");
            return Err(Error::format(path, problem, HINT));
        }
        targets.push(target);
        pixels
            .extend((0..PLANE).flat_map(|p| [planes[p], planes[PLANE + p], planes[2 * PLANE + p]]));
    }
    Ok(())
}
