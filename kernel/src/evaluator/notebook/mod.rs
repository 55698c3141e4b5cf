//! What the kernel knows of the cells that have run: definitions, variables, and where they stand.
//!
//! evcxr knows much of it, too, and tells little. Here a cell is a [`Change`]: proposed before evcxr
//! compiles it, applied when that has succeeded.

mod blocks;
pub(crate) mod ledger;
mod refusals;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use blocks::{Block, new_blocks, takes_the_place_of};
pub(crate) use refusals::use_of;
use refusals::{refuse_empty_bindings, refuse_old_values};

use crate::evaluator::errors::Failure;
use crate::evaluator::notebook::ledger::Ledger;
use crate::source::display::Display;
use crate::source::edits::{Edits, place_of};
use crate::source::identity::{Definitions, Identity, changed};
use crate::source::items::Item;
use crate::source::map::{CellText, Place};
use crate::source::rewrite::{Options, Rewritten, rewrite};
use crate::source::{SharedSources, Sources};

/// What is done differently when a cell is tried again.
#[derive(Clone, Debug)]
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

impl Default for Attempt {
    fn default() -> Self {
        Self {
            display: Display::Value,
            not_kept: BTreeSet::new(),
            removed_blocks: BTreeSet::new(),
            removed_members: BTreeSet::new(),
            removed_names: BTreeSet::new(),
        }
    }
}

/// What a cell makes of the notebook.
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
    definitions: Definitions,
    blocks: BTreeMap<usize, Block>,
    /// The names that it defines, each with its segment.
    places: HashMap<String, usize>,
}

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

    /// Prepares a cell for evcxr. `variables` are those that evcxr holds, with their types.
    pub(crate) fn propose(
        &mut self,
        code: &str,
        count: i64,
        cell_id: Option<&str>,
        attempt: &Attempt,
        variables: &[(String, String)],
    ) -> Result<Change, Failure> {
        refuse_empty_bindings(code, count, &self.sources)?;
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let options = Options {
            count,
            display: attempt.display,
            not_kept: &attempt.not_kept,
            folder: &folder,
        };
        let (mut taken, mut next) = (BTreeSet::new(), self.next_block);
        let key = |item: &Item| {
            let found = self.blocks.iter().find(|(key, block)| {
                !taken.contains(*key) && takes_the_place_of(item, cell_id, block)
            });
            let key = found.map_or_else(
                || {
                    next += 1;
                    next - 1
                },
                |(key, _)| *key,
            );
            taken.insert(key);
            key
        };
        let sources = self.sources.clone();
        let mut sources = sources.lock().unwrap_or_else(PoisonError::into_inner);
        let rewritten = rewrite(code, &sources.map, &self.definitions, key, &options);
        let (cell, first_segment) = sources.map.next();
        let rewritten = match rewritten {
            Ok(rewritten) => rewritten,
            Err(refused) => {
                let edited = Edits::default().apply(code);
                sources.map.push(CellText { count, edited }, Vec::new());
                let (line, column) = place_of(code, refused.at);
                let place = Place { cell, segment: None, line, column, is_inserted: false };
                let message = format!(
                    "a cell returns nothing: `return {}` cannot end it; write `return;`, and the value \
                     as the last line of the cell",
                    refused.value
                );
                return Err(Failure::at("CompileError", &message, &place, &sources));
            }
        };
        self.next_block = next;
        let blocks = new_blocks(&rewritten, first_segment, cell_id);
        let Rewritten {
            text,
            segments,
            items,
            imports,
            bound,
            has_statements,
            has_return,
            is_shown,
        } = rewritten;
        let mut definitions = self.definitions.clone();
        let mut places = HashMap::new();
        let titles = segments
            .iter()
            .enumerate()
            .filter_map(|(i, it)| Some((it.title.clone()?, first_segment + i)));
        let titles: HashMap<String, usize> = titles.collect();
        for (item, key) in &items {
            match (&item.name, key) {
                (Some(name), _) => {
                    definitions.define(name, item.clone());
                    places.extend(titles.get(name).map(|segment| (name.clone(), *segment)));
                }
                (None, Some(key)) => definitions.define_block(*key, item.clone()),
                (None, None) => {}
            }
        }
        for (import, _) in &imports {
            definitions.import(import.clone());
        }
        let defines = !items.is_empty() || !imports.is_empty();
        let mut evcxrs = text.edited.text.clone();
        sources.map.push(text, segments);
        for (import, line) in &imports {
            sources.map.import(&import.name, cell, *line);
        }
        let after = self.make_way(&blocks, cell_id, attempt, &mut definitions, &mut evcxrs);
        let mut dropped = BTreeMap::new();
        for (name, kind) in variables {
            let now = definitions.identity(kind);
            if let Some(cause) = self.identities.get(name).and_then(|before| changed(before, &now))
            {
                dropped.insert(name.clone(), cause.to_owned());
            }
        }
        let change = Change {
            text: evcxrs,
            cell,
            bound,
            has_statements,
            has_return,
            is_shown,
            defines,
            dropped,
            definitions,
            places,
            blocks: after.into_iter().chain(blocks).collect(),
        };
        refuse_old_values(code, &change, &sources)?;
        Ok(change)
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
        self.identities.clear();
    }

    /// The block that a segment belongs to.
    pub(crate) fn block_of(&self, segment: usize) -> Option<(usize, &Block)> {
        let found = self.blocks.iter().find(|(_, block)| block.segment == segment);
        found.map(|(key, block)| (*key, block))
    }

    /// The named item that a segment holds, if it is still defined there.
    pub(crate) fn item_of(&self, segment: usize) -> Option<&Item> {
        let (name, _) = self.places.iter().find(|(_, place)| **place == segment)?;
        self.definitions.named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(notebook: &mut Notebook, code: &str) -> Change {
        let change = notebook.propose(code, 1, None, &Attempt::default(), &[]).unwrap();
        notebook.apply(&change);
        change
    }

    #[test]
    fn a_block_takes_the_place_of_the_one_before_it() {
        let mut notebook = Notebook::default();
        run(
            &mut notebook,
            "struct A;\nimpl A { fn a() {} fn b() {} }\nimpl Clone for A { fn clone(&self) -> A { A } }",
        );
        assert_eq!(notebook.blocks.len(), 2);
        run(&mut notebook, "impl Clone for A { fn clone(&self) -> Self { A } }");
        assert_eq!(notebook.blocks.len(), 2, "one for each trait");
        let change = run(&mut notebook, "impl A { fn b() { 1; } fn c() {} }");
        assert_eq!(notebook.blocks.len(), 3, "`a` is left");
        let left = change.text.lines().last().unwrap();
        assert!(left.contains("fn a()") && !left.contains("fn b()"), "{left}");
        let change = run(&mut notebook, "impl A { fn a() {} fn b() {} fn c() {} }");
        assert_eq!(notebook.blocks.len(), 2, "all is replaced");
        assert!(change.text.lines().last().unwrap().starts_with("mod __twoviews_block"));
    }

    #[test]
    fn variables_of_changed_types_are_dropped_and_not_used() {
        let mut notebook = Notebook::default();
        run(&mut notebook, "struct A { x: f32 }\nlet a = A { x: 1.0 };");
        let variables = [("a".to_owned(), "Vec<A>".to_owned())];
        notebook.hold(&variables);
        let propose = |notebook: &mut Notebook, code: &str| {
            notebook.propose(code, 2, None, &Attempt::default(), &variables)
        };
        let same = propose(&mut notebook, "struct A { x: f32 } // again").unwrap();
        assert!(same.dropped.is_empty());
        let other = propose(&mut notebook, "struct A { x: f64 }").unwrap();
        assert_eq!(other.dropped["a"], "A");
        for code in ["a[0].x", "println!(\"{a:?}\");", "let a = f(a);", "vec![a]"] {
            let code = format!("struct A {{ x: f64 }}\n{code}");
            let failure = propose(&mut notebook, &code).err().unwrap();
            assert_eq!(failure.ename, "TypeChanged", "{code}");
        }
        let rebound = propose(&mut notebook, "struct A { x: f64 }\nlet a = A { x: 1.0 };\na.x");
        assert!(rebound.unwrap().dropped.contains_key("a"));
    }
}
