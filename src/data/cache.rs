//! The folder for everything that is downloaded once.

use std::path::PathBuf;

use twoviews_constants::variable;

use crate::{Error, Result};

/// `twoviews` in the user's cache folder.
pub(crate) fn cache_folder() -> Result<PathBuf> {
    dirs::cache_dir().map(|folder| folder.join("twoviews")).ok_or_else(|| {
        Error::parameter(
            "data_dir",
            "none",
            "a folder",
            format!("This system names no cache folder: set {}.", variable::DATA),
        )
    })
}
