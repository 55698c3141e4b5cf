//! What a cell makes of the notebook, if it compiles.

use std::collections::{BTreeMap, HashMap};

use super::blocks::Block;
use crate::source::identity::Definitions;

/// What comes with a cell, and what is then defined.
pub(crate) struct Change {
    /// For evcxr.
    pub text: String,
    /// Its place among the sources.
    pub cell: usize,
    pub bound: Vec<(String, usize)>,
    pub has_statements: bool,
    pub has_return: bool,
    pub is_shown: bool,
    /// Whether it defines or imports anything.
    pub defines: bool,
    /// Variables whose type is another one now, each with the definition that was changed.
    pub dropped: BTreeMap<String, String>,
    pub(super) definitions: Definitions,
    pub(super) blocks: BTreeMap<usize, Block>,
    /// The names that it defines, each with its segment.
    pub(super) places: HashMap<String, usize>,
}
