//! The Jupyter messaging protocol on ZeroMQ.

mod session;

pub(crate) use session::*;
