//! From a file of tensors into the variables of a model.

use std::path::Path;

use super::file::Checkpoint;
use super::layout::Entry;
use super::state_dict::{Found, check, copy};
use super::{LoadOptions, StateDict};
use crate::Result;

/// Loads the file at `path` into the tensors `own`.
///
/// Names, shapes and kinds are checked before anything is read: a file that does not fit is not read,
/// and changes nothing.
pub(crate) fn load_file(path: &Path, own: StateDict, options: &LoadOptions) -> Result<()> {
    let checkpoint = Checkpoint::open(path)?;
    let names = options.apply(checkpoint.entries.keys())?;
    let found = |name: &str| match &checkpoint.entries[name] {
        Entry::Tensor(layout) => Found::Tensor(&layout.shape, layout.element.kind()),
        Entry::Unreadable(reason) => Found::Unreadable(reason.is),
    };
    let described = names.iter().map(|(target, name)| (target.clone(), found(name))).collect();
    check(&own, &described, &checkpoint.path)?;
    let wanted = names.into_iter().filter(|(target, _)| own.contains_key(target));
    let wanted: Vec<(String, String)> =
        wanted.map(|(target, name)| (name.to_owned(), target)).collect();
    copy(own, &checkpoint.read(&wanted)?)
}
