//! The methods: SimCLR, DCL and its weighted variant, which differ in their losses alone.

use super::{ContrastiveConfig, Estimator};
use crate::losses::{DCLLoss, DCLWLoss, InfoNCE};

/// SimCLR: an encoder and a projection head, trained with [`InfoNCE`] (Chen et al., ICML 2020).
pub type SimCLR = Estimator<InfoNCE>;

/// Configuration of [`SimCLR`].
pub type SimCLRConfig = ContrastiveConfig;

/// DCL: SimCLR's parts, trained with [`DCLLoss`] (Yeh et al., ECCV 2022).
pub type DCL = Estimator<DCLLoss>;

/// DCLW: SimCLR's parts, trained with [`DCLWLoss`].
pub type DCLW = Estimator<DCLWLoss>;

/// Configuration of [`DCL`] and [`DCLW`].
pub type DCLConfig = ContrastiveConfig;
