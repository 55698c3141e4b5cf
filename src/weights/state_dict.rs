//! Strict loading: every tensor by name, shape and kind, all or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor, nn::VarStore};

use crate::{Error, Result};

/// Tensors by name.
pub type StateDict = BTreeMap<String, Tensor>;

/// A counter that PyTorch's batch norm keeps and that no result depends on: it is checked and
/// left out.
const COUNTER: &str = "num_batches_tracked";

/// Copies the tensors of `state_dict`, read from `path`, into the variables of the same names.
///
/// # Errors
/// [`Error::StateDict`] lists every missing, unexpected and mismatched tensor; the model is then
/// unchanged. Nothing is broadcast, cast between integer and float, or skipped.
pub fn load_state_dict(
    variables: &mut VarStore,
    state_dict: &StateDict,
    path: &Path,
) -> Result<()> {
    let own: BTreeMap<String, Tensor> = variables.variables().into_iter().collect();
    let is_counter = |name: &str| name.rsplit('.').next() == Some(COUNTER);
    let missing: Vec<String> =
        own.keys().filter(|name| !state_dict.contains_key(*name)).cloned().collect();
    let (mut unexpected, mut mismatched) = (Vec::new(), Vec::new());
    for (name, found) in state_dict {
        if is_counter(name) {
            if found.numel() != 1 || found.kind() != Kind::Int64 {
                mismatched.push(difference(name, found, &[], Kind::Int64));
            }
            continue;
        }
        let Some(expected) = own.get(name) else {
            unexpected.push(name.clone());
            continue;
        };
        if found.size() != expected.size() || !is_float(found.kind()) {
            mismatched.push(difference(name, found, &expected.size(), expected.kind()));
        }
    }
    if !(missing.is_empty() && unexpected.is_empty() && mismatched.is_empty()) {
        let path = path.to_owned();
        return Err(Error::StateDict { path, missing, unexpected, mismatched });
    }
    let _guard = tch::no_grad_guard();
    for (name, mut variable) in own {
        variable.f_copy_(&state_dict[&name])?;
    }
    Ok(())
}

fn is_float(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}

fn difference(name: &str, found: &Tensor, shape: &[i64], kind: Kind) -> String {
    format!("{name}: found {:?} {:?}, expected {shape:?} {kind:?}", found.size(), found.kind())
}
