//! L-BFGS, the tutorial's solver: linfa-logistic's, and argmin's where linfa gets no further.

mod argmin_search;
mod interruption;
mod linfa_rounds;
mod solver;

pub(super) use solver::minimise;
