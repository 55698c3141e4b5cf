//! The cells that were run, for `history_request`.

use crate::protocol::{self, HistoryAccess, HistoryEntry, HistoryRequest};

/// What was run in this session, in order, with its execution count.
#[derive(Default)]
pub(super) struct History {
    cells: Vec<(i64, String)>,
}

impl History {
    pub(super) fn push(&mut self, count: i64, code: &str) {
        self.cells.push((count, code.to_owned()));
    }

    /// The content of a `history_reply`.
    pub(super) fn answer(&self, request: &HistoryRequest) -> protocol::History {
        let n = request.n.unwrap_or(u64::MAX) as usize;
        let chosen: Vec<&(i64, String)> = match request.hist_access_type {
            HistoryAccess::Range => {
                // Sessions are counted back from 0, the present one; earlier ones are not kept.
                let range = request.start.unwrap_or(0)..request.stop.unwrap_or(i64::MAX);
                self.cells.iter().filter(|(count, _)| range.contains(count)).collect()
            }
            HistoryAccess::Search => {
                let pattern = request.pattern.as_deref().unwrap_or("*");
                let found = self.cells.iter().filter(|(_, code)| glob(pattern, code));
                let mut found: Vec<_> = found.collect();
                if request.unique {
                    let mut seen = std::collections::HashSet::new();
                    found.retain(|(_, code)| seen.insert(code));
                }
                last(found, n)
            }
            HistoryAccess::Tail => last(self.cells.iter().collect(), n),
        };
        let entry = |(count, code): &(i64, String)| match request.output {
            true => HistoryEntry::WithOutput(0, *count, (code.clone(), None)),
            false => HistoryEntry::Input(0, *count, code.clone()),
        };
        protocol::History { history: chosen.into_iter().map(entry).collect() }
    }
}

fn last<T>(mut all: Vec<T>, n: usize) -> Vec<T> {
    all.split_off(all.len().saturating_sub(n))
}

/// Whether `text` matches a pattern with `*` and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*' {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((star_p, star_t)) = star {
            // The star takes one more character.
            star = Some((star_p, star_t + 1));
            (p, t) = (star_p + 1, star_t + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn history_is_found_by_range_tail_and_pattern() {
        let mut history = History::default();
        for (count, code) in [(1, "let a = 1;"), (2, "a + 1"), (3, "let a = 1;")] {
            history.push(count, code);
        }
        let codes = |request: Value| -> Vec<i64> {
            let request = serde_json::from_value(request).unwrap();
            let reply = serde_json::to_value(history.answer(&request)).unwrap();
            reply["history"].as_array().unwrap().iter().map(|e| e[1].as_i64().unwrap()).collect()
        };
        assert_eq!(codes(json!({"hist_access_type": "tail", "n": 2})), [2, 3]);
        let range = json!({"hist_access_type": "range", "session": 0, "start": 1, "stop": 3});
        assert_eq!(codes(range), [1, 2]);
        let search = json!({"hist_access_type": "search", "pattern": "let*=*", "unique": true});
        assert_eq!(codes(search), [1]);
        assert_eq!(codes(json!({"hist_access_type": "search", "pattern": "?*+ 1"})), [2]);
    }
}
