//! What became of each variable: for `:why`, and for errors about variables that are gone.

use std::collections::BTreeMap;

/// What happened to a variable in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Bound {
        kind: String,
    },
    Moved,
    /// Dropped, since a definition that its type depends on was changed.
    Dropped {
        cause: String,
    },
    /// Never bound: the cell stopped or did not compile.
    NotBound {
        cause: String,
    },
    /// Gone with all others.
    Lost {
        cause: String,
    },
}

/// An event with the cell's number and, if it is known, the line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    count: i64,
    line: Option<usize>,
    event: Event,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(BTreeMap<String, Vec<Entry>>);

impl Ledger {
    pub(crate) fn note(&mut self, name: &str, count: i64, line: Option<usize>, event: Event) {
        let entries = self.0.entry(name.to_owned()).or_default();
        // A variable that is bound in a loop of cells has a long history.
        if entries.len() >= 100 {
            entries.remove(0);
        }
        entries.push(Entry { count, line, event });
    }

    /// All that happened to a variable, a line each.
    pub(crate) fn why(&self, name: &str) -> Option<String> {
        let entries = self.0.get(name)?;
        Some(entries.iter().map(|entry| entry.told()).collect::<Vec<_>>().join("\n"))
    }

    /// Why a variable is not there, if it is known.
    pub(crate) fn is_gone(&self, name: &str) -> Option<String> {
        let last = self.0.get(name)?.last()?;
        let is_bound = matches!(last.event, Event::Bound { .. });
        (!is_bound).then(|| format!("`{name}` was {}", last.told()))
    }

    /// The names of which anything is known.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Entry {
    fn told(&self) -> String {
        let place = match self.line {
            Some(line) => format!("cell {}, line {line}", self.count),
            None => format!("cell {}", self.count),
        };
        match &self.event {
            Event::Bound { kind } => format!("bound in {place}: {kind}"),
            Event::Moved => format!("moved in {place}: its value has gone elsewhere"),
            Event::Dropped { cause } => format!("dropped in {place}: {cause}"),
            Event::NotBound { cause } => format!("not bound in {place}: {cause}"),
            Event::Lost { cause } => format!("lost in {place}: {cause}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_says_why_a_variable_is_gone() {
        let mut ledger = Ledger::default();
        assert_eq!((ledger.why("x"), ledger.is_gone("x")), (None, None));
        ledger.note("x", 1, Some(2), Event::Bound { kind: "u8".into() });
        assert_eq!(ledger.is_gone("x"), None);
        ledger.note("x", 3, None, Event::Moved);
        assert_eq!(
            ledger.why("x").unwrap(),
            "bound in cell 1, line 2: u8\nmoved in cell 3: its value has gone elsewhere"
        );
        assert!(ledger.is_gone("x").unwrap().starts_with("`x` was moved in cell 3"));
    }
}
