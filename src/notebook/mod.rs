//! Progress and live display; the only module that knows where the program runs.

mod host;
mod progress;

pub use host::{Host, interrupted};
pub use progress::Progress;
