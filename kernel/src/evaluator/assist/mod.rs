//! What is asked about code that is being written.

pub(crate) mod completion;
pub(crate) mod inspection;
pub(crate) mod is_complete;
