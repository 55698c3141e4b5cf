//! What the reader's code gives: nothing yet, a value, an error or a panic.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex, PoisonError};

/// What an exercise's function may return: `None` until the reader has written something.
pub trait Attempt<T> {
    /// The value; `Ok(None)` if there is none yet.
    ///
    /// # Errors
    /// The reader's error, in words.
    fn value(self) -> Result<Option<T>, String>;
}

impl<T> Attempt<T> for Option<T> {
    fn value(self) -> Result<Option<T>, String> {
        Ok(self)
    }
}

/// A variable of the reader's, which stays where it is.
impl<T: Clone> Attempt<T> for &Option<T> {
    fn value(self) -> Result<Option<T>, String> {
        Ok(self.clone())
    }
}

/// A function that may fail.
impl<T, E: Display> Attempt<T> for Result<Option<T>, E> {
    fn value(self) -> Result<Option<T>, String> {
        self.map_err(|error| {
            format!("your code returned the error: {}", first_line(&error.to_string()))
        })
    }
}

/// Runs the reader's code; a panic in it is caught and told.
pub(super) fn run<T, A: Attempt<T>>(code: impl FnOnce() -> A) -> Result<Option<T>, String> {
    let (mut code, mut value) = (Some(code), Ok(None));
    caught(&mut || {
        if let Some(code) = code.take() {
            value = code().value();
        }
    })?;
    value
}

/// Runs code; what it says of a panic in it. Without a type of its own for each piece of code, which would be compiled
/// where it is written.
fn caught(code: &mut dyn FnMut()) -> Result<(), String> {
    // The hook is the process's: one at a time, so that each puts back the one it found.
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let here = std::thread::current().id();
    let before = Arc::new(take_hook());
    let others = Arc::clone(&before);
    set_hook(Box::new(move |info| {
        if std::thread::current().id() != here {
            others(info);
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(code));
    drop(take_hook());
    set_hook(match Arc::try_unwrap(before) {
        Ok(before) => before,
        // A thread is just telling of its own panic.
        Err(before) => Box::new(move |info| before(info)),
    });
    drop(one);
    result.map_err(|payload| {
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or_default();
        format!("your code panicked: {}", first_line(message))
    })
}

/// What a message says before libtorch's goes on with the stack of its own functions, as it is or as
/// `unwrap` quotes it.
fn first_line(text: &str) -> &str {
    let text = text.trim_start_matches("called `Result::unwrap()` on an `Err` value: ");
    let text = text.trim_start_matches("Torch(\"");
    let end = text.find("\\n").unwrap_or(text.len());
    let mut lines = text[..end].lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or("without a word")
}
