//! What libtorch offers and tch does not: operations with gradients of our own, its threads
//! and its GPUs; and memory that stays with the process between two steps.

mod autograd;
mod gpus;
mod heap;
mod threads;

pub use autograd::with_gradient;
pub use gpus::{gpus, pinned};
pub use heap::HeapRetention;
pub use threads::{ThreadCountGuard, parallel};
