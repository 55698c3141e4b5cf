//! How both searches report an interrupt.

use crate::Error;

/// The error of a search that the user has interrupted.
pub(super) fn interrupted_search() -> Error {
    Error::Interrupted { place: "in the linear probe, in L-BFGS".into() }
}
