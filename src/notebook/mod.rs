//! Progress and live display; the only module that knows where the program runs.

mod host;
mod live;
mod note;
mod one_line;
mod progress;

pub(crate) use host::check_interrupt;
pub use host::{Host, interrupted};
pub use live::LiveDisplay;
pub(crate) use note::note;
pub use progress::Progress;
