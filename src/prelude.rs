//! What a notebook needs: `use twoviews::prelude::*;`.

pub use crate::data::{ImageDataset, Palette, Shapes10, Subset};
pub use crate::error::{Error, Result};
pub use tch::{Device, Kind, Tensor};
