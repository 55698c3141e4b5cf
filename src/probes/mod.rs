//! How good are the features: linear probe, k nearest neighbours, and what a linear map reads of factors.

mod factor;
mod features;
mod knn;
mod labels;
mod lbfgs;
mod linear;
mod newton;
mod objective;
mod pca;
mod ridge;

pub use factor::{FactorProbe, FactorScore, r2_score};
pub use knn::KnnProbe;
pub use labels::stratified_subset;
pub use linear::{FittedLogisticRegression, LogisticRegression, Solver};
pub use pca::{FittedPca, Pca};
pub use ridge::{FittedRidge, Ridge};
