//! What the compiler says of a cell: kept for the kernel, and passed on to evcxr without warnings,
//! which evcxr takes for errors.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the diagnostics of the last compilation lie.
pub(crate) const FILE: &str = "target/diagnostics.json";

/// The diagnostics of one compilation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Diagnostics {
    /// The file that was compiled.
    pub source: String,
    /// rustc's own JSON.
    pub messages: Vec<Value>,
}

impl Diagnostics {
    /// What the last compilation in `folder` has said; nothing if it had nothing to say.
    pub(crate) fn last(folder: &Path) -> Self {
        let text = std::fs::read(folder.join(FILE)).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    pub(crate) fn forget(folder: &Path) {
        let _ = std::fs::remove_file(folder.join(FILE));
    }

    /// Keeps them for the kernel.
    pub(super) fn keep(folder: &Path, messages: Vec<Value>) -> Result<()> {
        if messages.is_empty() {
            Self::forget(folder);
            return Ok(());
        }
        let source = std::fs::read_to_string(folder.join("src/lib.rs"))?;
        std::fs::write(folder.join(FILE), serde_json::to_vec(&Self { source, messages })?)?;
        Ok(())
    }
}

/// The diagnostic in a line of cargo's JSON.
pub(super) fn of_line(line: &[u8]) -> Option<Value> {
    let mut message: Value = serde_json::from_slice(line).ok()?;
    (message["reason"] == "compiler-message").then(|| message["message"].take())
}

/// Whether evcxr shall hear of a diagnostic.
pub(super) fn is_error(diagnostic: &Value) -> bool {
    diagnostic["level"].as_str().is_some_and(|level| level.starts_with("error"))
}
