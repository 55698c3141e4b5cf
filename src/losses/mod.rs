//! Contrastive losses: one equation, one function.
//!
//! Both losses look at a batch of N images through two views. With L2-normalised embeddings z and
//! temperature tau, anchor i has the similarity s_i = <z1_i, z2_i> / tau to its partner, and
//! S_i = sum over both views l and all j != i of exp(<z1_i, zl_j> / tau) collects its 2(N-1)
//! negatives.

mod alignment_uniformity;
mod contrastive_loss;
mod coupling;
mod dcl;
mod info_nce;
mod similarity;

pub use alignment_uniformity::{alignment, uniformity};
pub use contrastive_loss::ContrastiveLoss;
pub use coupling::{anchor_gradients, npc_multiplier};
pub use dcl::{DCLLoss, DCLWLoss};
pub use info_nce::InfoNCE;
