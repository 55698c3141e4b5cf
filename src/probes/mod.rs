//! How good are the features: linear probe, k nearest neighbours, and what a linear map reads of factors.

mod factor;
mod knn;
mod lbfgs;
mod linear;
mod newton;
mod objective;
mod ridge;

pub use factor::{FactorProbe, FactorScore, r2_score};
pub use knn::KnnProbe;
pub use linear::{FittedLogisticRegression, LogisticRegression, Solver};
pub use ridge::{FittedRidge, Ridge};
