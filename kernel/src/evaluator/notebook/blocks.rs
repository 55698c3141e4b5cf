//! `impl` and `extern` blocks, which have no name by which evcxr could replace them.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_syntax::{AstNode, SyntaxKind, ast};

use super::attempt::Attempt;
use crate::source::edits::Edits;
use crate::source::identity::Definitions;
use crate::source::items::{self, Item};
use crate::source::map;
use crate::source::parse::{Parsed, range};
use crate::source::rewrite::{Rewritten, anchor};

/// An `impl` or `extern` block of a cell.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub item: Item,
    /// As evcxr has it.
    pub(super) text: String,
    pub segment: usize,
    /// Jupyter's name of the cell, where it has one.
    pub(super) cell_id: Option<String>,
}

/// What is left of the `blocks` so far, beside the new ones; those that change go to evcxr with the
/// cell.
pub(super) fn left(
    blocks: &BTreeMap<usize, Block>,
    new: &BTreeMap<usize, Block>,
    cell_id: Option<&str>,
    attempt: &Attempt,
    definitions: &mut Definitions,
    text: &mut String,
) -> BTreeMap<usize, Block> {
    let mut left = BTreeMap::new();
    for (key, block) in blocks.iter().filter(|(key, _)| !new.contains_key(key)) {
        let mut removed: BTreeSet<&str> = attempt
            .removed_members
            .iter()
            .filter(|(of, _)| of == key)
            .map(|(_, name)| name.as_str())
            .collect();
        let mut is_removed = attempt.removed_blocks.contains(key);
        for other in new.values().filter(|other| other.item.header == block.item.header) {
            removed.extend(other.item.members.iter().map(String::as_str));
            is_removed |= cell_id.is_some() && block.cell_id.as_deref() == cell_id;
        }
        removed.retain(|name| block.item.members.iter().any(|member| member == name));
        if removed.is_empty() && !is_removed {
            left.insert(*key, block.clone());
            continue;
        }
        let mut block = block.clone();
        block.item.members.retain(|member| !removed.contains(member.as_str()));
        *text += &format!("\n{}", anchor(*key));
        definitions.forget_block(*key);
        if !is_removed && !block.item.members.is_empty() {
            block.text = without_members(&block.text, &removed);
            *text += &block.text;
            definitions.define_block(*key, block.item.clone());
            left.insert(*key, block);
        }
    }
    for name in &attempt.removed_names {
        *text += &format!("\nmod {name} {{}}");
        definitions.forget(name);
    }
    left
}

/// Whether a block is a new version of an earlier one.
pub(super) fn takes_the_place_of(item: &Item, cell_id: Option<&str>, block: &Block) -> bool {
    if item.header != block.item.header {
        return false;
    }
    let is_of_this_cell = cell_id.is_some() && block.cell_id.as_deref() == cell_id;
    let is_whole = block.item.members.iter().all(|member| item.members.contains(member));
    let is_one_of_a_kind = item.is_trait_impl() || item.kind == SyntaxKind::EXTERN_BLOCK;
    is_one_of_a_kind || is_of_this_cell || (is_whole && !block.item.members.is_empty())
}

/// The blocks of a cell, as evcxr gets them.
pub(super) fn new_blocks(
    rewritten: &Rewritten,
    first_segment: usize,
    cell_id: Option<&str>,
) -> BTreeMap<usize, Block> {
    let text = &rewritten.text.edited.text;
    let nodes = Parsed::new(text).statements;
    let nodes = nodes.into_iter().filter(items::is_unnamed);
    let items = rewritten.items.iter().filter_map(|(item, key)| Some((item, (*key)?)));
    let mut blocks = BTreeMap::new();
    for ((item, key), node) in items.zip(nodes) {
        let text = text[range(&node)].to_owned();
        let segment = map::first_segment(&text).unwrap_or(first_segment);
        let cell_id = cell_id.map(str::to_owned);
        blocks.insert(key, Block { item: item.clone(), text, segment, cell_id });
    }
    blocks
}

/// A block without some of its members; its lines stay.
fn without_members(block: &str, names: &BTreeSet<&str>) -> String {
    let mut edits = Edits::default();
    for node in &Parsed::new(block).statements {
        let members = node.children().find_map(ast::AssocItemList::cast);
        for member in members.iter().flat_map(|list| list.assoc_items()) {
            if items::name(member.syntax()).is_some_and(|name| names.contains(name.as_str())) {
                edits.blank(range(member.syntax()), block);
            }
        }
    }
    edits.apply(block).text
}
