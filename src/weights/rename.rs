//! Which tensors of a file are loaded, and under which names.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// Which tensors of a file are loaded, and under which names.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `rename` | pairs of a beginning of the names in the file and what takes its place | none: every tensor under its own name |
///
/// With pairs, only tensors are loaded whose name has one of these beginnings, the longest that it
/// has. So `[("model.", "")]` takes off `model.` and leaves out an optimizer beside it, and
/// `[("teacher.", "encoder.")]` loads one of two copies.
///
/// ```
/// use twoviews::weights::LoadOptions;
/// let options = LoadOptions::strip("module.");
/// assert_eq!(options.rename, [("module.".to_owned(), String::new())]);
/// let two = [("backbone.".into(), "encoder.".into()), ("head.".into(), "projection_head.".into())];
/// let options = LoadOptions { rename: two.to_vec() };
/// assert_eq!(options.rename.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Pairs of a beginning of the names in the file and what takes its place.
    pub rename: Vec<(String, String)>,
}

impl LoadOptions {
    /// Loads the tensors whose names begin with `prefix`, without it.
    pub fn strip(prefix: impl Into<String>) -> Self {
        Self { rename: vec![(prefix.into(), String::new())] }
    }

    /// The name under which a tensor is loaded; `None` if it is left out.
    fn renamed(&self, name: &str) -> Option<String> {
        if self.rename.is_empty() {
            return Some(name.to_owned());
        }
        let fits = self.rename.iter().filter(|(from, _)| name.starts_with(from.as_str()));
        let (from, to) = fits.max_by_key(|(from, _)| from.len())?;
        Some(format!("{to}{}", &name[from.len()..]))
    }

    /// The names in the file by the names under which they are loaded.
    ///
    /// # Errors
    /// [`Error::Parameter`] if no name is left, or two become one.
    pub(super) fn apply<'a>(
        &self,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<BTreeMap<String, &'a str>> {
        let mut by_target = BTreeMap::new();
        let mut beginnings = Vec::new();
        for name in names {
            let beginning = name.split_inclusive('.').next().unwrap_or_default();
            if beginnings.last() != Some(&beginning) && beginnings.len() < 8 {
                beginnings.push(beginning);
            }
            let Some(target) = self.renamed(name) else { continue };
            if let Some(other) = by_target.insert(target.clone(), name.as_str()) {
                let hint = format!("{other} and {name} would both be {target}.");
                return Err(self.refused("pairs that keep names apart", hint));
            }
        }
        if by_target.is_empty() && !beginnings.is_empty() {
            let hint = format!("The names in the file begin with {}.", beginnings.join(", "));
            return Err(self.refused("beginnings of names that the file has", hint));
        }
        Ok(by_target)
    }

    fn refused(&self, allowed: &'static str, hint: String) -> Error {
        Error::parameter("rename", format!("{:?}", self.rename), allowed, hint)
    }
}
