//! How a cell is tried.

use std::collections::BTreeSet;

use crate::source::display::Display;

/// What is done differently when a cell is tried again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempt {
    pub display: Display,
    /// Variables that an early `return` cannot keep.
    pub not_kept: BTreeSet<String>,
    /// Blocks that make way.
    pub removed_blocks: BTreeSet<usize>,
    /// Functions that make way, in blocks.
    pub removed_members: BTreeSet<(usize, String)>,
    /// Functions that make way.
    pub removed_names: BTreeSet<String>,
}
