//! Pretrained weights: the hub, Lightning checkpoints and plain state dicts.

mod file;
mod hub;
mod save;
mod state_dict;

pub use file::read_state_dict;
pub use hub::Weights;
pub use save::save_state_dict;
pub(crate) use save::to_safetensors;
pub use state_dict::{StateDict, load_state_dict};
