//! What the user is told.

/// One line that says what is being done and where.
pub fn say(what: &str) {
    eprintln!("[xtask] {what}");
}
