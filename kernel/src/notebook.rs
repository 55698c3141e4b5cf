//! What the kernel knows of the cells that have run: definitions, variables, and where they stand.
//!
//! evcxr knows much of it, too, and tells little. Here a cell is a [`Change`]: proposed before evcxr
//! compiles it, applied when that has succeeded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use ra_ap_syntax::{AstNode, SyntaxKind, ast};

use crate::ledger::Ledger;
use crate::report::Failure;
use crate::source::display::Display;
use crate::source::edits::{Edits, place_of};
use crate::source::identity::{Definitions, Identity, changed};
use crate::source::items::{self, Item};
use crate::source::map::Place;
use crate::source::parse::{self, Parsed, range};
use crate::source::rewrite::{Options, Rewritten, anchor, rewrite};
use crate::source::{SharedSources, Sources};

/// An `impl` or `extern` block of a cell.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub item: Item,
    /// As evcxr has it.
    text: String,
    pub segment: usize,
    /// Jupyter's name of the cell, where it has one.
    cell_id: Option<String>,
}

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
                sources.map.push(crate::source::map::CellText { count, edited }, Vec::new());
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

    /// What is left of the blocks so far, beside the new ones; those that change go to evcxr with the
    /// cell.
    fn make_way(
        &self,
        new: &BTreeMap<usize, Block>,
        cell_id: Option<&str>,
        attempt: &Attempt,
        definitions: &mut Definitions,
        text: &mut String,
    ) -> BTreeMap<usize, Block> {
        let mut left = BTreeMap::new();
        for (key, block) in self.blocks.iter().filter(|(key, _)| !new.contains_key(key)) {
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

    /// The function of a block in which a place lies.
    pub(crate) fn member_at(&self, place: &Place) -> Option<String> {
        let sources = self.sources();
        let code = &sources.map.cell(place.cell).edited.original;
        let at = crate::source::edits::offset_of(code, place.line, place.column);
        let parsed = Parsed::new(code);
        let blocks = parsed.statements.iter().filter(|node| node.kind() == SyntaxKind::IMPL);
        let lists = blocks.filter_map(|node| node.children().find_map(ast::AssocItemList::cast));
        let mut members = lists.flat_map(|list| list.assoc_items().collect::<Vec<_>>());
        let member = members.find(|member| range(member.syntax()).contains(&at))?;
        items::name(member.syntax())
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

/// Whether a block is a new version of an earlier one.
fn takes_the_place_of(item: &Item, cell_id: Option<&str>, block: &Block) -> bool {
    if item.header != block.item.header {
        return false;
    }
    let is_of_this_cell = cell_id.is_some() && block.cell_id.as_deref() == cell_id;
    let is_whole = block.item.members.iter().all(|member| item.members.contains(member));
    let is_one_of_a_kind = item.is_trait_impl() || item.kind == SyntaxKind::EXTERN_BLOCK;
    is_one_of_a_kind || is_of_this_cell || (is_whole && !block.item.members.is_empty())
}

/// The blocks of a cell, as evcxr gets them.
fn new_blocks(
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
        let number =
            text.split("/*twoviews:").nth(1).and_then(|it| it.split("*/").next()?.parse().ok());
        let segment = number.unwrap_or(first_segment);
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

/// A `let` without a pattern is an error that evcxr does not see.
fn refuse_empty_bindings(code: &str, count: i64, sources: &SharedSources) -> Result<(), Failure> {
    let parsed = Parsed::new(code);
    let Some((message, at)) =
        parsed.error.filter(|_| parsed.statements.iter().any(parse::binds_nothing))
    else {
        return Ok(());
    };
    let mut sources = sources.lock().unwrap_or_else(PoisonError::into_inner);
    let (cell, _) = sources.map.next();
    let edited = Edits::default().apply(code);
    sources.map.push(crate::source::map::CellText { count, edited }, Vec::new());
    let (line, column) = place_of(code, at);
    let place = Place { cell, segment: None, line, column, is_inserted: false };
    Err(Failure::at("CompileError", &message, &place, &sources))
}

/// A cell that changes a type cannot use the values of the old one.
fn refuse_old_values(code: &str, change: &Change, sources: &Sources) -> Result<(), Failure> {
    let parsed = Parsed::new(code);
    for (name, cause) in &change.dropped {
        for node in parsed.statements.iter().filter(|node| !parse::is_item(node)) {
            if let Some(at) = use_of(node, name) {
                let (line, column) = place_of(code, at);
                let place =
                    Place { cell: change.cell, segment: None, line, column, is_inserted: false };
                let cause = cause.trim_start_matches("crate ");
                let message = format!(
                    "this cell changes `{cause}`, and `{name}` still holds a value of the old one: bind \
                     `{name}` anew before it is used, or change `{cause}` in a cell of its own (then \
                     `{name}` is dropped)"
                );
                return Err(Failure::at("TypeChanged", &message, &place, sources));
            }
            if parse::is_let(node) && parse::bound_names(node).contains(name) {
                break;
            }
        }
    }
    Ok(())
}

/// Where a statement uses a variable, in macros and texts to be formatted, too.
pub(crate) fn use_of(node: &ra_ap_syntax::SyntaxNode, name: &str) -> Option<usize> {
    let found = parse::tokens(node).find(|token| match token.kind() {
        SyntaxKind::IDENT => {
            let parent = token.parent().map(|it| it.kind());
            token.text() == name
                && matches!(parent, Some(SyntaxKind::NAME_REF | SyntaxKind::TOKEN_TREE))
        }
        SyntaxKind::STRING => token.text().match_indices('{').any(|(at, _)| {
            let rest = token.text()[at + 1..].strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['}', ':']))
        }),
        _ => false,
    });
    found.map(|token| parse::token_range(&token).start)
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
