//! The one error type: what is wrong, its value, what is allowed, and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, each variant with what a user needs to correct it.
///
/// `Debug` prints the same text as `Display`, because a failed `?` in a notebook cell shows `Debug`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter outside its range.
    #[error("{name} = {value} is not allowed: {allowed}. {hint}")]
    Parameter {
        /// The parameter, as it is spelt in the code.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What is allowed, with its range.
        allowed: &'static str,
        /// What to do.
        hint: String,
    },
    /// A tensor or array of the wrong shape, kind or content.
    #[error("{name} has shape {found:?}, expected {expected}. {hint}")]
    Shape {
        /// The tensor or array.
        name: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The expected shape, in words such as `(N, D)`.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// A value that is NaN or infinite.
    #[error("{name} is not finite {place}. {hint}")]
    NonFinite {
        /// The quantity.
        name: &'static str,
        /// Where: epoch, batch, row.
        place: String,
        /// What to do.
        hint: String,
    },
    /// A file or folder that could not be read or written.
    #[error("cannot {action} {}: {source}. {hint}", path.display())]
    Io {
        /// What was attempted, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
        /// What to do.
        hint: String,
    },
    /// A file whose content is not what its name promises.
    #[error("{} is not usable: {problem}. {hint}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, and where.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// A file whose checksum is not the expected one.
    #[error("{} has the checksum {found}, expected {expected}. {hint}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The checksum that was expected.
        expected: String,
        /// The checksum that was computed.
        found: String,
        /// What to do.
        hint: String,
    },
    /// A download that failed.
    #[error("cannot download {url}: {problem}. {hint}")]
    Download {
        /// The address.
        url: String,
        /// What the server or the network answered.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// A checkpoint whose tensors do not fit the model; every difference is listed.
    #[error("{}", state_dict_message(path, missing, unexpected, mismatched, hint))]
    StateDict {
        /// The checkpoint.
        path: PathBuf,
        /// Parameters of the model that the file lacks.
        missing: Vec<String>,
        /// Tensors of the file that the model lacks.
        unexpected: Vec<String>,
        /// Tensors of another shape or kind: `name: found ..., expected ...`.
        mismatched: Vec<String>,
        /// What to do.
        hint: String,
    },
    /// A worker thread that panicked.
    #[error("{worker} stopped at {place}: {message}. {hint}")]
    Worker {
        /// Which worker.
        worker: &'static str,
        /// What it was doing.
        place: String,
        /// The panic's message.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The user interrupted the work.
    #[error("interrupted {place}: what was computed before is kept")]
    Interrupted {
        /// What was being done.
        place: String,
    },
    /// A figure that could not be drawn.
    #[error("cannot draw {figure}: {problem}")]
    Plot {
        /// The figure.
        figure: &'static str,
        /// What the drawing library answered.
        problem: String,
    },
    /// libtorch refused an operation.
    #[cfg(feature = "torch")]
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// A parameter outside its range.
    pub fn parameter(
        name: &'static str,
        value: impl fmt::Display,
        allowed: &'static str,
        hint: impl Into<String>,
    ) -> Self {
        Self::Parameter { name, value: value.to_string(), allowed, hint: hint.into() }
    }

    /// A file or folder that could not be read or written.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
        source: io::Error,
        hint: impl Into<String>,
    ) -> Self {
        Self::Io { action, path: path.into(), source, hint: hint.into() }
    }

    /// A file whose content is not what its name promises.
    pub fn format(
        path: impl Into<PathBuf>,
        problem: impl fmt::Display,
        hint: impl Into<String>,
    ) -> Self {
        Self::Format { path: path.into(), problem: problem.to_string(), hint: hint.into() }
    }
}

/// One line each for the missing, unexpected and mismatched tensors.
fn state_dict_message(
    path: &std::path::Path,
    missing: &[String],
    unexpected: &[String],
    mismatched: &[String],
    hint: &str,
) -> String {
    let mut text = format!("{} does not fit the model", path.display());
    for (what, names) in
        [("missing", missing), ("unexpected", unexpected), ("mismatched", mismatched)]
    {
        if !names.is_empty() {
            text += &format!("\n  {what} ({}): {}", names.len(), names.join(", "));
        }
    }
    text + "\n" + hint
}
