//! SimCLR.

use super::{ContrastiveConfig, Estimator};
use crate::losses::InfoNCE;

/// SimCLR: an encoder and a projection head, trained with [`InfoNCE`] (Chen et al., ICML 2020).
pub type SimCLR = Estimator<InfoNCE>;

/// Configuration of [`SimCLR`].
pub type SimCLRConfig = ContrastiveConfig;
