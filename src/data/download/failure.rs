//! Why a transfer failed.

use std::io;

use crate::notebook::interrupted;

/// Why a transfer failed, before an error for the user is made of it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user interrupted it.
    Interrupted,
    /// The server answered with this status; the text is what it said of the reason.
    Status(u16, String),
    /// The server could not be reached.
    Unreachable(String),
    /// The connection broke, or nothing came for too long.
    Broken(String),
    /// What was sent cannot be the file.
    Wrong(String),
    /// The part could not be written.
    Write(io::Error),
}

impl Failure {
    /// Ends a transfer if the user asked for it.
    pub(super) fn check_interrupt() -> Result<(), Self> {
        if interrupted() { Err(Self::Interrupted) } else { Ok(()) }
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Status(code, _) => matches!(code, 408 | 425 | 429 | 500..),
            Self::Broken(_) => true,
            _ => false,
        }
    }

    /// What happened, in words; `server` is who was asked.
    pub(crate) fn problem(&self, server: &str) -> String {
        match self {
            Self::Interrupted => "it was interrupted".into(),
            Self::Status(code, reason) if reason.is_empty() => format!("{server} answered {code}"),
            Self::Status(code, reason) => format!("{server} answered {code} ({reason})"),
            Self::Unreachable(problem) | Self::Broken(problem) | Self::Wrong(problem) => {
                problem.clone()
            }
            Self::Write(error) => error.to_string(),
        }
    }
}
