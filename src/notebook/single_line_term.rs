//! A terminal with a single line, for bars that are shown elsewhere than in a terminal.

use std::fmt;
use std::io::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

/// What is written replaces the line; each flush hands it to a function, which may clear it.
pub(super) struct SingleLineTerm(Mutex<State>);

struct State {
    line: String,
    show: Box<dyn FnMut(&mut String) + Send>,
}

impl SingleLineTerm {
    pub(super) fn new(show: impl FnMut(&mut String) + Send + 'static) -> Self {
        Self(Mutex::new(State { line: String::new(), show: Box::new(show) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SingleLineTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SingleLineTerm({:?})", self.state().line)
    }
}

impl TermLike for SingleLineTerm {
    fn width(&self) -> u16 {
        100
    }

    fn move_cursor_up(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> Result<()> {
        if !text.trim().is_empty() {
            self.state().line = text.trim_end().to_owned();
        }
        Ok(())
    }

    fn clear_line(&self) -> Result<()> {
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        let State { line, show } = &mut *self.state();
        if !line.is_empty() {
            show(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_text_is_shown_at_each_flush() {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&shown);
        let line = SingleLineTerm::new(move |line| list.lock().unwrap().push(std::mem::take(line)));
        line.flush().unwrap();
        line.write_line("first").unwrap();
        line.write_str("second  ").unwrap();
        line.write_str(" ").unwrap();
        line.flush().unwrap();
        line.flush().unwrap();
        assert_eq!(*shown.lock().unwrap(), ["second"]);
    }
}
