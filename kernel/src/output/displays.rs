//! Displays that are redrawn in place, ten times a second at most.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::protocol::Display;

/// Between two states of one display; those in between are never seen.
const INTERVAL: Duration = Duration::from_millis(100);

/// The displays of a cell by their id.
#[derive(Debug, Default)]
pub(crate) struct Displays {
    by_id: HashMap<String, LiveDisplay>,
}

#[derive(Debug)]
struct LiveDisplay {
    sent: Instant,
    /// The newest state, if it was not sent yet.
    waiting: Option<Display>,
}

impl Displays {
    /// A display is shown for the first time.
    pub(crate) fn show(&mut self, id: &str, now: Instant) {
        self.by_id.insert(id.to_owned(), LiveDisplay { sent: now, waiting: None });
    }

    /// Takes a new state; gives it back if it is to be sent at once.
    pub(crate) fn update(&mut self, id: &str, display: Display, now: Instant) -> Option<Display> {
        let Some(place) = self.by_id.get_mut(id) else {
            self.show(id, now);
            return Some(display);
        };
        if now.duration_since(place.sent) < INTERVAL {
            place.waiting = Some(display);
            return None;
        }
        *place = LiveDisplay { sent: now, waiting: None };
        Some(display)
    }

    /// The states that have waited long enough.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Display> {
        let due = |place: &&mut LiveDisplay| now.duration_since(place.sent) >= INTERVAL;
        let take = |place: &mut LiveDisplay| {
            let display = place.waiting.take()?;
            place.sent = now;
            Some(display)
        };
        self.by_id.values_mut().filter(due).filter_map(take).collect()
    }

    /// The last states of all displays, at the end of a cell.
    pub(crate) fn rest(&mut self) -> Vec<Display> {
        self.by_id.values_mut().filter_map(|place| place.waiting.take()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(data: serde_json::Value) -> Display {
        Display::new(data)
    }

    #[test]
    fn ten_states_a_second_are_sent_and_the_last_one_always() {
        let (mut displays, begin) = (Displays::default(), Instant::now());
        displays.show("a", begin);
        let mut sent = Vec::new();
        // 1,000 states in a second.
        for i in 1..=1000u64 {
            let now = begin + Duration::from_millis(i);
            sent.extend(displays.update("a", state(json!(i)), now));
            sent.extend(displays.due(now));
        }
        assert_eq!(sent.len(), 10, "{sent:?}");
        displays.update("a", state(json!("last")), begin + Duration::from_millis(1001));
        assert_eq!(displays.rest(), [state(json!("last"))]);
        assert!(displays.rest().is_empty());
        let now = begin + Duration::from_millis(1002);
        assert_eq!(
            displays.update("other", state(json!(1)), now),
            Some(state(json!(1))),
            "displays do not wait for one another"
        );
    }
}
