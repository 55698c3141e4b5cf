//! One image in memory.

use std::fmt;

use crate::{Error, Result};

/// One RGB image, 8 bits a channel, in PIL's order: row, column, channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `height * width * 3` bytes.
    pub pixels: Vec<u8>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}x{} RGB)", self.width, self.height)
    }
}

/// Refuses `bytes` that are not `images` RGB images of `height` x `width` pixels.
pub(crate) fn check_pixels(
    bytes: usize,
    images: usize,
    (height, width): (usize, usize),
) -> Result<()> {
    // As wide as the product of four sizes can be, so that nothing wraps.
    let of =
        |channels: u128| (images as u128 * channels).checked_mul(height as u128 * width as u128);
    let found = Some(bytes as u128);
    if height.min(width) > 0 && of(3) == found {
        return Ok(());
    }
    let hint = if height.min(width) == 0 {
        "Every image needs at least one pixel."
    } else if of(1) == found && images > 0 {
        "These are greyscale images: give each byte three times, as red, green and blue."
    } else if of(4) == found && images > 0 {
        "A fourth byte of each pixel is usually opacity: leave it out."
    } else {
        "Give red, green and blue of each pixel, row by row, and one target for each image."
    };
    Err(Error::Shape {
        name: "pixels",
        found: vec![bytes as i64],
        expected: format!("{images} x {height} x {width} x 3 bytes"),
        hint: hint.into(),
    })
}
