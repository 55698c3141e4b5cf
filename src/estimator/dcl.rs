//! DCL and its weighted variant.

use super::{ContrastiveConfig, Estimator};
use crate::losses::{DCLLoss, DCLWLoss};

/// DCL: SimCLR's parts, trained with [`DCLLoss`] (Yeh et al., ECCV 2022).
pub type DCL = Estimator<DCLLoss>;

/// DCLW: SimCLR's parts, trained with [`DCLWLoss`].
pub type DCLW = Estimator<DCLWLoss>;

/// Configuration of [`DCL`] and [`DCLW`].
pub type DCLConfig = ContrastiveConfig;
