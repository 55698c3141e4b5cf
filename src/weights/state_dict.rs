//! Strict loading: every tensor by name, shape and kind, all or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor, nn::VarStore};

use super::rename::advice;
use crate::{Error, Result};

/// Tensors by name.
pub type StateDict = BTreeMap<String, Tensor>;

/// A counter that PyTorch's batch norm keeps and that no result depends on: it is left out,
/// whatever it is.
const COUNTER: &str = "num_batches_tracked";

/// Copies the tensors of `state_dict`, read from `path`, into the variables of the same names.
///
/// Counters of batch norm (`num_batches_tracked`) are left out.
///
/// # Errors
/// [`Error::StateDict`] lists every missing, unexpected and mismatched tensor, and says which
/// beginning of the names would have to go or be another; the model is then unchanged. Nothing is
/// broadcast, cast between integer and float, or skipped.
pub fn load_state_dict(
    variables: &mut VarStore,
    state_dict: &StateDict,
    path: &Path,
) -> Result<()> {
    let own: StateDict = variables.variables().into_iter().collect();
    let shapes: Vec<(Vec<i64>, Kind)> =
        state_dict.values().map(|tensor| (tensor.size(), tensor.kind())).collect();
    let found = state_dict.keys().zip(&shapes);
    let found = found.map(|(name, (shape, kind))| (name.clone(), Found::Tensor(shape, *kind)));
    check(&own, &found.collect(), path)?;
    copy(own, state_dict)
}

/// What there is under a name, before it is read.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    Tensor(&'a [i64], Kind),
    /// A tensor that cannot be read, and why.
    Unreadable(&'static str),
}

/// How the tensors of a file differ from a model's.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Differences {
    pub(super) missing: Vec<String>,
    unexpected: Vec<String>,
    mismatched: Vec<String>,
}

pub(super) fn differences(own: &StateDict, found: &BTreeMap<String, Found>) -> Differences {
    let missing = own.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    let mut differences = Differences { missing, ..Default::default() };
    for (name, found) in found {
        if name.rsplit('.').next() == Some(COUNTER) {
            continue;
        }
        let Some(expected) = own.get(name) else {
            differences.unexpected.push(name.clone());
            continue;
        };
        let is = match found {
            Found::Tensor(shape, kind) if *shape == expected.size() && is_float(*kind) => continue,
            Found::Tensor(shape, kind) => format!("found {shape:?} {kind:?}"),
            Found::Unreadable(is) => format!("it {is}"),
        };
        let (shape, kind) = (expected.size(), expected.kind());
        differences.mismatched.push(format!("{name}: {is}, expected {shape:?} {kind:?}"));
    }
    differences
}

/// Fails with every difference at once.
pub(super) fn check(own: &StateDict, found: &BTreeMap<String, Found>, path: &Path) -> Result<()> {
    let all = differences(own, found);
    if all == Differences::default() {
        return Ok(());
    }
    let hint = advice(own, found);
    let Differences { missing, unexpected, mismatched } = all;
    Err(Error::StateDict { path: path.to_owned(), missing, unexpected, mismatched, hint })
}

/// Copies tensors that were checked.
pub(super) fn copy(own: StateDict, state_dict: &StateDict) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for (name, mut variable) in own {
        variable.f_copy_(&state_dict[&name])?;
    }
    Ok(())
}

fn is_float(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Float
            | Kind::Double
            | Kind::Half
            | Kind::BFloat16
            | Kind::Float8e4m3fn
            | Kind::Float8e4m3fnuz
            | Kind::Float8e5m2
            | Kind::Float8e5m2fnuz
    )
}
