//! The cells that were run, for `history_request`.

use serde_json::{Value, json};

/// What was run in this session, in order, with its execution count.
#[derive(Default)]
pub(crate) struct History {
    cells: Vec<(i64, String)>,
}

impl History {
    pub(crate) fn push(&mut self, count: i64, code: &str) {
        self.cells.push((count, code.to_owned()));
    }

    /// The content of a `history_reply`: `range`, `tail` or `search`.
    pub(crate) fn reply(&self, request: &Value) -> Value {
        let n = request["n"].as_u64().unwrap_or(u64::MAX) as usize;
        let chosen: Vec<&(i64, String)> = match request["hist_access_type"].as_str() {
            Some("range") => {
                // Sessions are counted back from 0, the present one; earlier ones are not kept.
                let start = request["start"].as_i64().unwrap_or(0);
                let stop = request["stop"].as_i64().unwrap_or(i64::MAX);
                self.cells.iter().filter(|(count, _)| (start..stop).contains(count)).collect()
            }
            Some("search") => {
                let pattern = request["pattern"].as_str().unwrap_or("*");
                let found = self.cells.iter().filter(|(_, code)| glob(pattern, code));
                let mut found: Vec<_> = found.collect();
                if request["unique"].as_bool() == Some(true) {
                    let mut seen = std::collections::HashSet::new();
                    found.retain(|(_, code)| seen.insert(code));
                }
                last(found, n)
            }
            _ => last(self.cells.iter().collect(), n),
        };
        let output = request["output"].as_bool() == Some(true);
        let entry = |(count, code): &(i64, String)| {
            if output { json!([0, count, [code, null]]) } else { json!([0, count, code]) }
        };
        json!({"status": "ok", "history": chosen.into_iter().map(entry).collect::<Vec<_>>()})
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
    use super::*;

    #[test]
    fn history_is_found_by_range_tail_and_pattern() {
        let mut history = History::default();
        for (count, code) in [(1, "let a = 1;"), (2, "a + 1"), (3, "let a = 1;")] {
            history.push(count, code);
        }
        let codes = |request: Value| -> Vec<i64> {
            let reply = history.reply(&request);
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
