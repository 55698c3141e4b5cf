//! Strict loading: every tensor by name, shape and kind, all or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, nn::VarStore};

use super::LoadOptions;
use super::advice::advice;
use super::file::TensorFile;
use super::layout::Entry;
use super::state_dict::{Differences, Found, StateDict, differences};
use crate::{Error, Result};

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

/// Loads the file at `path` into the tensors `own`.
///
/// Names, shapes and kinds are checked before anything is read: a file that does not fit is not read,
/// and changes nothing.
pub(crate) fn load_file(path: &Path, own: StateDict, options: &LoadOptions) -> Result<()> {
    let file = TensorFile::open(path)?;
    let names = options.apply(file.entries.keys())?;
    let found = |name: &str| match &file.entries[name] {
        Entry::Tensor(layout) => Found::Tensor(&layout.shape, layout.element.kind()),
        Entry::Unreadable(reason) => Found::Unreadable(reason.is),
    };
    let described = names.iter().map(|(target, name)| (target.clone(), found(name))).collect();
    check(&own, &described, &file.path)?;
    let wanted = names.into_iter().filter(|(target, _)| own.contains_key(target));
    let wanted: Vec<(String, String)> =
        wanted.map(|(target, name)| (name.to_owned(), target)).collect();
    copy(own, &file.read(&wanted)?)
}

/// Fails with every difference at once.
fn check(own: &StateDict, found: &BTreeMap<String, Found>, path: &Path) -> Result<()> {
    let all = differences(own, found);
    if all == Differences::default() {
        return Ok(());
    }
    let hint = advice(own, found);
    let Differences { missing, unexpected, mismatched } = all;
    Err(Error::StateDict { path: path.to_owned(), missing, unexpected, mismatched, hint })
}

/// Copies tensors that were checked.
fn copy(own: StateDict, state_dict: &StateDict) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for (name, mut variable) in own {
        variable.f_copy_(&state_dict[&name])?;
    }
    Ok(())
}
