//! How good are the features: linear probe and k nearest neighbours.

mod knn;
mod lbfgs;
mod linear;
mod newton;
mod objective;

pub use knn::KnnProbe;
pub use linear::{FittedLogisticRegression, LogisticRegression, Solver};
