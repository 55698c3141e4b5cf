//! What is wrong with a file, before its path is known.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::Error;

/// Why a file cannot be read, and what to do.
#[derive(Debug)]
pub(super) enum Fault {
    /// The operating system refuses.
    Io(io::Error),
    /// Its content is not usable.
    Content { problem: String, hint: String },
    /// libtorch refuses.
    Torch(tch::TchError),
}

pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(problem: impl Display, hint: impl Into<String>) -> Self {
        Self::Content { problem: problem.to_string(), hint: hint.into() }
    }

    /// The file ends before its content does.
    pub(super) fn incomplete(problem: impl Display) -> Self {
        Self::new(problem, "The file is incomplete: copy or download it again")
    }

    /// The content contradicts itself.
    pub(super) fn damaged(problem: impl Display) -> Self {
        Self::new(
            problem,
            "The file is damaged or was not written by torch.save: copy or download it again",
        )
    }

    /// The file asks for more than any real one needs.
    pub(super) fn limit(problem: impl Display) -> Self {
        Self::new(problem, "No checkpoint needs that: save its state_dict() alone")
    }

    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::Io(error) => Error::io("read", path, error, "Check the disk and the permissions"),
            Self::Content { problem, hint } => Error::format(path, problem, hint),
            Self::Torch(error) => Error::Torch(error),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::incomplete("it ends in the middle of its content")
        } else {
            Self::Io(error)
        }
    }
}

impl From<tch::TchError> for Fault {
    fn from(error: tch::TchError) -> Self {
        Self::Torch(error)
    }
}
