//! The end of a search that the user has interrupted.

use crate::Error;

/// What is answered to a user who stops the search.
pub(super) fn interrupted_search() -> Error {
    Error::Interrupted { place: "in the linear probe, in L-BFGS".into() }
}
