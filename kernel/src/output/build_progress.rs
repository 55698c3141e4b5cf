//! What cargo compiles, shown to the user who waits for it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::cell::Cell;
use crate::protocol::{Content, Display};

/// Between two states of the display.
const INTERVAL: Duration = Duration::from_secs(1);

/// The crates that one build has compiled, and the cell that waits for it.
#[derive(Debug, Default)]
pub(super) struct BuildProgress {
    /// The cell that the user waits for, from its request to its reply.
    pub(super) cell: Option<Cell>,
    crates: Vec<String>,
    begin: Option<Instant>,
    shown: Option<(String, Instant)>,
}

impl BuildProgress {
    /// cargo has begun to compile a crate.
    pub(super) fn push(&mut self, name: &str, now: Instant) {
        self.begin.get_or_insert(now);
        self.crates.push(name.to_owned());
        // Shown at once.
        if let Some((_, last)) = &mut self.shown {
            *last = now.checked_sub(INTERVAL).unwrap_or(now);
        }
    }

    /// A message for the waiting cell, if one is due.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Content> {
        let seconds = now.duration_since(self.begin?).as_secs();
        let last = self.crates.last()?;
        let text = match self.crates.len() {
            1 => format!("compiling {last}, {seconds} s"),
            n => format!("compiling {last} (crate {n}), {seconds} s"),
        };
        self.cell.as_ref().filter(|cell| !cell.silent)?;
        match &mut self.shown {
            Some((_, last)) if now.duration_since(*last) < INTERVAL => None,
            Some((id, last)) => {
                *last = now;
                Some(Content::UpdateDisplayData(display(id, &text)))
            }
            None => {
                let id = uuid::Uuid::new_v4().to_string();
                let message = Content::DisplayData(display(&id, &text));
                self.shown = Some((id, now));
                Some(message)
            }
        }
    }

    /// The build is over; the last state of the display, if there is one. Says how many crates
    /// there were.
    pub(super) fn end(&mut self, now: Instant) -> (usize, Option<Content>) {
        let crates = std::mem::take(&mut self.crates);
        let begin = self.begin.take().unwrap_or(now);
        let message = self.shown.take().map(|(id, _)| {
            let what = match crates.as_slice() {
                [one] => one.clone(),
                all => format!("{} crates", all.len()),
            };
            let seconds = now.duration_since(begin).as_secs_f64();
            Content::UpdateDisplayData(display(&id, &format!("compiled {what} in {seconds:.1} s")))
        });
        (crates.len(), message)
    }
}

fn display(id: &str, text: &str) -> Display {
    Display::with_id(json!({"text/plain": text}), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_followed_by_the_cell_that_waits_for_it() {
        let (mut build, begin) = (BuildProgress::default(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        build.push("one", begin);
        assert!(build.tick(after(1)).is_none(), "nobody waits");
        build.cell = Some(Cell::default());
        let Some(Content::DisplayData(display)) = build.tick(after(2)) else { panic!("none") };
        assert_eq!(display.data["text/plain"], "compiling one, 2 s");
        assert!(build.tick(after(2)).is_none(), "once a second");
        build.push("two", after(3));
        let Some(Content::UpdateDisplayData(display)) = build.tick(after(3)) else {
            panic!("no update")
        };
        assert_eq!(display.data["text/plain"], "compiling two (crate 2), 3 s");
        let (count, last) = build.end(after(4));
        let Some(Content::UpdateDisplayData(display)) = last else { panic!("no last state") };
        assert_eq!((count, &display.data["text/plain"]), (2, &json!("compiled 2 crates in 4.0 s")));
        assert!(build.tick(after(5)).is_none() && build.end(after(5)).1.is_none());
    }
}
