//! What libtorch offers and tch does not: operations with gradients of our own, and its threads; and
//! memory that stays with the process between two steps.

mod autograd;
mod heap;
mod threads;

pub use autograd::with_gradient;
pub use heap::HeapRetention;
pub use threads::{ThreadCountGuard, parallel};
