//! What a cell leaves behind: variables that were bound, moved, dropped or never reached.

use std::collections::{BTreeMap, BTreeSet};

use super::end::CellRun;
use crate::evaluator::engine::Engine;
use crate::evaluator::errors::Failure;
use crate::evaluator::notebook::ledger::Event;
use crate::evaluator::notebook::{Change, use_of};
use crate::source::edits::place_of;
use crate::source::parse::{self, Parsed};

impl Engine {
    /// Writes down what became of the variables, and says which were dropped.
    pub(super) fn note(
        &mut self,
        ran: &CellRun<'_>,
        dropped: &[String],
        failure: Option<&Failure>,
    ) {
        let CellRun { code, change, count, before, outcome, ended } = ran;
        let has_returned = outcome.returned.is_some();
        let after: BTreeMap<String, String> = self.variables().into_iter().collect();
        let parsed = Parsed::new(code);
        let used = |name: &str| {
            let nodes = parsed.statements.iter().rev().filter(|node| !parse::is_item(node));
            nodes.filter_map(|node| use_of(node, name)).next().map(|at| place_of(code, at).0)
        };
        let line_of = |name: &str| {
            change.bound.iter().rev().find(|(it, _)| it == name).map(|(_, line)| *line)
        };
        for (name, _) in
            before.iter().filter(|(name, _)| !after.contains_key(name) || dropped.contains(name))
        {
            let (line, event) = if *ended {
                (None, Event::Lost { cause: "the process of the cells ended".to_owned() })
            } else if dropped.contains(name) {
                (None, Event::Dropped { cause: self.cause(change, name) })
            } else if let Some(line) = used(name) {
                (Some(line), Event::Moved)
            } else {
                (None, Event::Lost { cause: "evcxr has dropped it".to_owned() })
            };
            self.notebook.ledger.note(name, *count, line, event);
        }
        let mut seen = BTreeSet::new();
        for (name, _) in change.bound.iter().rev().filter(|(name, _)| seen.insert(name.clone())) {
            let event = match after.get(name) {
                Some(kind) if failure.is_none() || before.iter().all(|(it, _)| it != name) => {
                    Event::Bound { kind: kind.clone() }
                }
                Some(_) => continue,
                None if failure.is_none() && !has_returned => Event::Moved,
                None => Event::NotBound { cause: "the cell stopped before its end".to_owned() },
            };
            self.notebook.ledger.note(name, *count, line_of(name), event);
        }
        self.say_dropped(change, dropped);
        if failure.is_some() && !ended {
            let lost = before
                .iter()
                .map(|(name, _)| name)
                .filter(|name| !after.contains_key(*name) && !dropped.contains(name));
            let lost: Vec<String> = lost.map(|name| format!("`{name}`")).collect();
            if !lost.is_empty() {
                let cause = "moved or bound anew by a cell that stopped before its end";
                self.say(&format!("lost: {} ({cause})", lost.join(", ")), "stderr");
            }
        }
        let after: Vec<(String, String)> = after.into_iter().collect();
        self.notebook.hold(&after);
    }

    /// Why a variable was dropped.
    fn cause(&self, change: &Change, name: &str) -> String {
        match change.dropped.get(name).map(|cause| cause.strip_prefix("crate ").ok_or(cause)) {
            Some(Err(cause)) => format!("its type depends on `{cause}`, which has changed"),
            Some(Ok(name)) => {
                format!("its type comes from the crate `{name}`, which was compiled anew")
            }
            None => match self.notebook.crates_of(name).as_slice() {
                [] => "its type is another one now".to_owned(),
                crates => format!("its type comes from `{}`, compiled anew", crates.join("`, `")),
            },
        }
    }

    fn say_dropped(&self, change: &Change, dropped: &[String]) {
        for (cause, names) in grouped(dropped, |name| self.cause(change, name)) {
            self.say(&format!("dropped: {} ({cause})", names.join(", ")), "stderr");
        }
    }

    /// The cell was compiled and looked at the variables, and did not compile without those that are lost.
    pub(super) fn note_dropped(&mut self, change: &Change, count: i64, dropped: &[String]) {
        for name in dropped {
            let event = Event::Dropped { cause: self.cause(change, name) };
            self.notebook.ledger.note(name, count, None, event);
        }
        self.say_dropped(change, dropped);
    }

    pub(super) fn note_not_bound(&mut self, change: &Change, count: i64, cause: &str) {
        let held: BTreeSet<String> = self.variables().into_iter().map(|(name, _)| name).collect();
        for (name, line) in change.bound.iter().filter(|(name, _)| !held.contains(name)) {
            let event = Event::NotBound { cause: cause.to_owned() };
            self.notebook.ledger.note(name, count, Some(*line), event);
        }
    }

    /// Binds what a `return` has stored, so that evcxr knows of it.
    pub(super) fn keep(&mut self, names: &[String], change: &Change) {
        let source = self.context.as_ref().and_then(|it| it.last_source().ok()).unwrap_or_default();
        let mut code = String::new();
        for name in names {
            // As evcxr would have stored it.
            let end = format!(">(stringify!({name})");
            let kind = source.lines().find_map(|line| {
                let (_, rest) = line.split_once("evcxr_variable_store.put_variable::<")?;
                Some(rest[..rest.find(&end)?].to_owned())
            });
            let is_mutable = change.text.contains(&format!(" mut {name}"));
            if let Some(kind) = kind {
                let mutable = if is_mutable { "mut " } else { "" };
                code += &format!(
                    "let {mutable}{name}: {kind} = evcxr_variable_store.take_variable(\"{name}\");\n"
                );
            }
        }
        if !code.is_empty() {
            self.run_hidden(&code);
        }
    }
}

fn grouped(names: &[String], key: impl Fn(&str) -> String) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names {
        groups.entry(key(name)).or_default().push(format!("`{name}`"));
    }
    groups
}
