//! Builds that were interrupted, and set-ups at the same time.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

use crate::say::say;
use crate::{folders, paths};

/// Waits until no other set-up of this folder runs, and keeps others waiting while the value lives.
pub(crate) fn exclusive() -> Result<File> {
    folders::lock(
        &paths::root().join("target/setup.lock"),
        "another set-up of this folder is running",
    )
}

/// Builds with `build`. Cargo goes on where an interrupted build stopped; where that fails, because the
/// machine went down before all files were written, `clear` removes what was built, and it is built
/// anew. `marker` is a file that is there while something is built.
pub(crate) fn resume<T>(
    marker: &Path,
    clear: impl FnOnce() -> Result<()>,
    build: impl Fn() -> Result<T>,
) -> Result<T> {
    let interrupted = marker.exists();
    let write = || {
        fs::create_dir_all(marker.parent().unwrap_or(marker))?;
        File::create(marker)
    };
    write().with_context(|| format!("making {}", marker.display()))?;
    let mut result = build();
    if let Err(error) = &result
        && interrupted
    {
        say(&format!(
            "an earlier build was interrupted, and this one failed ({error:#}): building anew"
        ));
        result = clear().and_then(|()| build());
    }
    // `clear` may have removed it.
    let _ = fs::remove_file(marker);
    result
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use anyhow::bail;

    use super::*;

    #[test]
    fn only_what_was_interrupted_is_built_anew() {
        let place = tempfile::tempdir().unwrap();
        let marker = place.path().join("target/unfinished");
        let damaged = Cell::new(true);
        let build = || if damaged.get() { bail!("damaged") } else { Ok(()) };
        let clear = || {
            damaged.set(false);
            Ok(())
        };
        // A program that does not compile.
        assert!(resume(&marker, clear, build).is_err());
        assert!(!marker.exists() && damaged.get());
        // Its build was killed.
        fs::write(&marker, "").unwrap();
        resume(&marker, clear, build).unwrap();
        assert!(!marker.exists() && !damaged.get());
        // An interrupted build that can go on loses nothing.
        fs::write(&marker, "").unwrap();
        resume(&marker, || bail!("cleared"), build).unwrap();
        assert!(!marker.exists());
    }
}
