//! What the kernel knows of the cells that have run: definitions, variables, and where they stand.
//!
//! evcxr knows much of it, too, and tells little. Here a cell is a [`Change`]: proposed before evcxr
//! compiles it, applied when that has succeeded.

mod attempt;
mod blocks;
mod change;
mod failed;
pub(crate) mod ledger;
mod propose;
mod refusals;

use std::collections::{BTreeMap, HashMap};
use std::sync::{MutexGuard, PoisonError};

use ra_ap_syntax::{AstNode, SyntaxKind, ast};

pub(crate) use self::attempt::Attempt;
use self::blocks::Block;
pub(crate) use self::change::Change;
use self::failed::{FailedDefinitions, text_of};
use self::ledger::Ledger;
pub(crate) use self::refusals::use_of;
use crate::source::edits::offset_of;
use crate::source::identity::{Definitions, Identity};
use crate::source::items::{self, Item};
use crate::source::map::Place;
use crate::source::parse::{Parsed, range};
use crate::source::{SharedSources, Sources};

/// All cells so far.
#[derive(Default)]
pub(crate) struct Notebook {
    sources: SharedSources,
    pub ledger: Ledger,
    definitions: Definitions,
    blocks: BTreeMap<usize, Block>,
    next_block: usize,
    places: HashMap<String, usize>,
    identities: BTreeMap<String, Identity>,
    /// Functions that no longer fit and were taken out, with the cell that has them.
    set_aside: BTreeMap<String, i64>,
    pub failed: FailedDefinitions,
}

impl Notebook {
    pub(crate) fn new(sources: SharedSources) -> Self {
        Self { sources, ..Self::default() }
    }

    pub(crate) fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The compiled crates that cells can name, with what tells their builds apart.
    pub(crate) fn set_crates(&mut self, crates: HashMap<String, String>) {
        self.definitions.crates = crates;
    }

    /// The variables whose types depend on each crate.
    pub(crate) fn variables_by_crate(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (variable, identity) in &self.identities {
            for name in identity.keys().filter_map(|key| key.strip_prefix("crate ")) {
                all.entry(name.to_owned()).or_default().push(variable.clone());
            }
        }
        all
    }

    /// The crates on which a variable's type depends.
    pub(crate) fn crates_of(&self, variable: &str) -> Vec<&str> {
        let identity = self.identities.get(variable);
        let names = identity.into_iter().flat_map(|it| it.keys());
        names.filter_map(|key| key.strip_prefix("crate ")).collect()
    }

    /// The cell has run (or at least begun to): what it defines is defined.
    pub(crate) fn apply(&mut self, change: &Change) {
        let crates = std::mem::take(&mut self.definitions.crates);
        self.definitions = change.definitions.clone();
        self.definitions.crates = crates;
        self.blocks = change.blocks.clone();
        self.places.extend(change.places.clone());
        self.set_aside.retain(|name, _| !change.places.contains_key(name));
    }

    /// A cell has compiled: what it defines, and what stood in it before, no longer waits for its compilation.
    pub(crate) fn settle(&mut self, id: Option<&str>, change: &Change) {
        self.failed.settle(id, change.places.keys());
    }

    /// Definitions that a cell uses although another cell would replace them, but did not compile: the name, and
    /// what there is to say.
    pub(crate) fn outdated(&self, code: &str) -> Vec<(String, String)> {
        let sources = self.sources();
        let mut all = Vec::new();
        for (name, later, text) in self.failed.used(code) {
            // Variables come first.
            if self.set_aside.contains_key(name) || self.identities.contains_key(name) {
                continue;
            }
            let place = self.places.get(name).map(|place| sources.map.segment(*place).cell);
            let cell = place.map(|cell| sources.map.cell(cell));
            if cell.is_some_and(|it| text_of(&it.edited.original, name).as_deref() == Some(text)) {
                continue;
            }
            all.push((
                name.to_owned(),
                match cell {
                    Some(cell) => format!(
                        "`{name}` is still that of cell {}, because cell {later} did not compile",
                        cell.count
                    ),
                    None => format!("`{name}` is not that of cell {later}, which did not compile"),
                },
            ));
        }
        all
    }

    pub(crate) fn set_aside(&mut self, functions: &BTreeMap<String, i64>) {
        self.set_aside.extend(functions.clone());
    }

    /// The cell whose function of this name was set aside.
    pub(crate) fn was_set_aside(&self, name: &str) -> Option<i64> {
        self.set_aside.get(name).copied()
    }

    /// The variables that evcxr holds now.
    pub(crate) fn hold(&mut self, variables: &[(String, String)]) {
        let identity =
            |(name, kind): &(String, String)| (name.clone(), self.definitions.identity(kind));
        self.identities = variables.iter().map(identity).collect();
    }

    /// Everything is forgotten, as evcxr does on `:clear`; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.definitions = Definitions::new(std::mem::take(&mut self.definitions.crates));
        self.blocks.clear();
        self.places.clear();
        self.failed.clear();
        self.identities.clear();
    }

    /// The block that a segment belongs to.
    pub(crate) fn block_of(&self, segment: usize) -> Option<(usize, &Block)> {
        let found = self.blocks.iter().find(|(_, block)| block.segment == segment);
        found.map(|(key, block)| (*key, block))
    }

    /// The function of a block in which a place lies.
    pub(crate) fn member_at(&self, place: &Place) -> Option<String> {
        let sources = self.sources();
        let code = &sources.map.cell(place.cell).edited.original;
        let at = offset_of(code, place.line, place.column);
        let parsed = Parsed::new(code);
        let blocks = parsed.statements.iter().filter(|node| node.kind() == SyntaxKind::IMPL);
        let lists = blocks.filter_map(|node| node.children().find_map(ast::AssocItemList::cast));
        let mut members = lists.flat_map(|list| list.assoc_items().collect::<Vec<_>>());
        let member = members.find(|member| range(member.syntax()).contains(&at))?;
        items::name(member.syntax())
    }

    /// The named item that a segment holds, if it is still defined there.
    pub(crate) fn item_of(&self, segment: usize) -> Option<&Item> {
        let (name, _) = self.places.iter().find(|(_, place)| **place == segment)?;
        self.definitions.named(name)
    }
}
