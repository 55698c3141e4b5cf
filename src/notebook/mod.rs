//! Progress and live display; the only module that knows where the program runs.

mod bundle;
mod host;
mod live;
mod note;
mod progress;
mod single_line_term;
mod tensor_display;

pub use bundle::Bundle;
pub(crate) use host::check_interrupt;
pub use host::{Host, interrupted};
pub use live::{Figure, LiveDisplay};
pub(crate) use note::note;
pub use progress::Progress;
pub use tensor_display::TensorDisplay;
