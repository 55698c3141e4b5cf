//! A course's folder for nbgrader.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::text;
use crate::lessons::lesson::Lesson;
use crate::say::say;
use crate::{folders, paths};

const SETTINGS: &str = "nbgrader_config.py";

/// Writes nbgrader's settings and each lesson with its solutions as an assignment of the lesson's name. What
/// else is in the folder, such as submissions and grades, stays.
pub(super) fn write(course: &Path, sources: &[Lesson]) -> Result<()> {
    ensure!(!sources.is_empty(), "no lesson has solutions: notebooks/solutions is empty");
    let settings = fs::read_to_string(paths::script(SETTINGS))?;
    for source in sources {
        let folder = course.join("source").join(&source.name);
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let notebook = folder.join(&source.name).with_extension("ipynb");
        folders::atomic_write(&notebook, text(&source.notebook)?.as_bytes())?;
    }
    let kernels = paths::venv("share/jupyter");
    let settings = settings.replace("{kernels}", &kernels.display().to_string());
    folders::atomic_write(&course.join(SETTINGS), settings.as_bytes())?;
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    say(&format!("wrote {} with {}", course.display(), names.join(", ")));
    Ok(())
}
