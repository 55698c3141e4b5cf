//! A cell on its way to evcxr: rewritten, with what it makes of the notebook.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::PoisonError;

use super::Notebook;
use super::attempt::Attempt;
use super::blocks::{Block, left, new_blocks, takes_the_place_of};
use super::change::Change;
use super::refusals::{refuse_empty_bindings, refuse_old_values, refuse_value_of_return};
use crate::evaluator::errors::Failure;
use crate::source::identity::{Definitions, changed};
use crate::source::items::Item;
use crate::source::rewrite::{Options, Rewritten, rewrite};

/// Gives the blocks of a cell their numbers.
struct Keys {
    taken: BTreeSet<usize>,
    next: usize,
}

impl Keys {
    fn after(next: usize) -> Self {
        Self { taken: BTreeSet::new(), next }
    }

    /// That of the block whose place it takes, or a new one.
    fn of(&mut self, item: &Item, cell_id: Option<&str>, blocks: &BTreeMap<usize, Block>) -> usize {
        let found = blocks.iter().find(|(key, block)| {
            !self.taken.contains(*key) && takes_the_place_of(item, cell_id, block)
        });
        let key = found.map_or(self.next, |(key, _)| *key);
        self.next += usize::from(found.is_none());
        self.taken.insert(key);
        key
    }
}

impl Notebook {
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
        let mut keys = Keys::after(self.next_block);
        let key = |item: &Item| keys.of(item, cell_id, &self.blocks);
        let sources = self.sources.clone();
        let mut sources = sources.lock().unwrap_or_else(PoisonError::into_inner);
        let rewritten = rewrite(code, &sources.map, &self.definitions, key, &options);
        let (cell, first_segment) = sources.map.next();
        let rewritten = match rewritten {
            Ok(rewritten) => rewritten,
            Err(refused) => {
                return Err(refuse_value_of_return(code, count, &refused, &mut sources));
            }
        };
        self.next_block = keys.next;
        let blocks = new_blocks(&rewritten, first_segment, cell_id);
        let (mut definitions, places) = self.defined(&rewritten, first_segment);
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
        let defines = !items.is_empty() || !imports.is_empty();
        let mut text_for_evcxr = text.edited.text.clone();
        sources.map.push(text, segments);
        for (import, line) in &imports {
            sources.map.import(&import.name, cell, *line);
        }
        let after =
            left(&self.blocks, &blocks, cell_id, attempt, &mut definitions, &mut text_for_evcxr);
        let dropped = self.dropped(&definitions, variables);
        let change = Change {
            text: text_for_evcxr,
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

    /// What is defined with a cell, and where its names stand.
    fn defined(
        &self,
        rewritten: &Rewritten,
        first_segment: usize,
    ) -> (Definitions, HashMap<String, usize>) {
        let mut definitions = self.definitions.clone();
        let mut places = HashMap::new();
        let titles = rewritten
            .segments
            .iter()
            .enumerate()
            .filter_map(|(i, it)| Some((it.title.clone()?, first_segment + i)));
        let titles: HashMap<String, usize> = titles.collect();
        for (item, key) in &rewritten.items {
            match (&item.name, key) {
                (Some(name), _) => {
                    definitions.define(name, item.clone());
                    places.extend(titles.get(name).map(|segment| (name.clone(), *segment)));
                }
                (None, Some(key)) => definitions.define_block(*key, item.clone()),
                (None, None) => {}
            }
        }
        for (import, _) in &rewritten.imports {
            definitions.import(import.clone());
        }
        (definitions, places)
    }

    /// The variables whose type is another one with these definitions, each with the cause.
    fn dropped(
        &self,
        definitions: &Definitions,
        variables: &[(String, String)],
    ) -> BTreeMap<String, String> {
        let cause = |(name, kind): &(String, String)| {
            let now = definitions.identity(kind);
            let cause = changed(self.identities.get(name)?, &now)?;
            Some((name.clone(), cause.to_owned()))
        };
        variables.iter().filter_map(cause).collect()
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
