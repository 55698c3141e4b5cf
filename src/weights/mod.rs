//! Files of tensors by name: what PyTorch, Lightning and safetensors write.

mod advice;
mod content;
mod element;
mod fault;
mod file;
mod layout;
mod legacy;
mod load;
mod modules;
mod pickle;
mod rebuild;
mod rename;
mod safetensors;
mod save;
mod state_dict;
mod storage;
mod tensors;
mod zip;

pub use crate::deprecated::weights::*;
pub use file::read_state_dict;
pub(crate) use load::load_file;
pub use load::load_state_dict;
pub use rename::LoadOptions;
pub use save::save_state_dict;
pub(crate) use save::to_safetensors;
pub use state_dict::StateDict;
