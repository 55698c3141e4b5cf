//! papermill's parameters in Rust: the translator that the kernel's wheel brings, put into the Python environment
//! in which this program is registered.
//!
//! It is a package as pip would leave it: a module, and beside it what names the package, its files and the entry
//! point by which papermill finds it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

const MODULE: &str = "twoviews_papermill";
const TEXT: &str = include_str!("../../wheel/purelib/twoviews_papermill.py");
const ENTRY_POINTS: &str = "[papermill.engine]\ntwoviews = twoviews_papermill:Engine\n";
/// The package that pip makes of the wheel, which has the module, too.
const WHEEL: &str = "twoviews_kernel-";

/// Brings the translator to the environment in `prefix`, if there is one and it has none.
pub(super) fn install(prefix: &Path) -> Result<()> {
    let Some(packages) = packages(prefix) else { return Ok(()) };
    if about(&packages, WHEEL).next().is_some() {
        return Ok(());
    }
    write(&packages).with_context(|| {
        format!("papermill's parameters in Rust cannot be written to {}", packages.display())
    })
}

fn write(packages: &Path) -> Result<()> {
    remove_from(packages)?;
    let name = format!("{MODULE}-{}.dist-info", env!("CARGO_PKG_VERSION"));
    let new = packages.join(format!(".{MODULE}.{}.tmp", std::process::id()));
    let written = || -> Result<()> {
        fs::create_dir(&new)?;
        let about = [
            (
                "METADATA",
                format!(
                    "Metadata-Version: 2.1\nName: twoviews-papermill\nVersion: {}\n\
                     Summary: papermill's parameters in Rust\n",
                    env!("CARGO_PKG_VERSION")
                ),
            ),
            ("entry_points.txt", ENTRY_POINTS.to_owned()),
            ("INSTALLER", "twoviews-kernel\n".to_owned()),
        ];
        let mut record = format!("{MODULE}.py,,\n{name}/RECORD,,\n");
        for (file, text) in about {
            fs::write(new.join(file), text)?;
            record += &format!("{name}/{file},,\n");
        }
        fs::write(new.join("RECORD"), record)?;
        let module = new.join("module");
        fs::write(&module, TEXT)?;
        fs::rename(module, packages.join(format!("{MODULE}.py")))?;
        Ok(fs::rename(&new, packages.join(name))?)
    };
    let written = written();
    if written.is_err() {
        let _ = fs::remove_dir_all(&new);
    }
    written
}

/// Removes what [`install`] has written.
pub(super) fn uninstall(prefix: &Path) -> Result<()> {
    let Some(packages) = packages(prefix) else { return Ok(()) };
    let removed = remove_from(&packages);
    removed.with_context(|| format!("removing {MODULE} from {}", packages.display()))
}

fn remove_from(packages: &Path) -> Result<()> {
    let of_others = about(packages, WHEEL).next().is_some();
    for folder in about(packages, &format!("{MODULE}-")) {
        fs::remove_dir_all(folder)?;
        if of_others {
            continue;
        }
        let module = packages.join(format!("{MODULE}.py"));
        if module.is_file() {
            fs::remove_file(module)?;
        }
        let compiled = packages.join("__pycache__");
        for file in entries(&compiled, &format!("{MODULE}.")) {
            fs::remove_file(file)?;
        }
        // Where it was the only one.
        let _ = fs::remove_dir(compiled);
    }
    Ok(())
}

/// What tells of the installed packages whose names begin so.
fn about(packages: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    entries(packages, name).filter(|path| path.extension() == Some("dist-info".as_ref()))
}

fn entries(folder: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_meant = move |path: &PathBuf| {
        path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(name))
    };
    entries.map(|entry| entry.path()).filter(is_meant)
}

/// Where the Python of an environment looks for packages, if that is within the environment.
fn packages(prefix: &Path) -> Option<PathBuf> {
    let python = prefix.join("bin/python3");
    let python = if python.exists() { python } else { prefix.join("bin/python") };
    let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let output = Command::new(python).args(["-I", "-c", script]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let packages = Path::new(answer.trim_end()).canonicalize().ok()?;
    packages.starts_with(prefix.canonicalize().ok()?).then_some(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_point_is_the_wheels() {
        let wheel = include_str!("../../pyproject.toml");
        let (_, rest) = wheel.split_once("[project.entry-points.\"papermill.engine\"]\n").unwrap();
        let line = rest.lines().next().unwrap().replace('"', "");
        assert_eq!(ENTRY_POINTS, format!("[papermill.engine]\n{line}\n"));
    }

    #[test]
    fn what_is_written_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let packages = place.path();
        let names = || {
            let all = entries(packages, "").map(|path| path.file_name().unwrap().to_owned());
            all.collect::<std::collections::BTreeSet<_>>()
        };
        fs::create_dir(packages.join("other-1.0.dist-info")).unwrap();
        fs::create_dir(packages.join("twoviews_papermill-0.0.1.dist-info")).unwrap();
        fs::create_dir(packages.join("__pycache__")).unwrap();
        fs::write(packages.join("__pycache__/other.pyc"), "").unwrap();
        write(packages).unwrap();
        write(packages).unwrap();
        fs::write(packages.join("__pycache__/twoviews_papermill.cpython-312.pyc"), "").unwrap();
        let about = format!("twoviews_papermill-{}.dist-info", env!("CARGO_PKG_VERSION"));
        let record = fs::read_to_string(packages.join(&about).join("RECORD")).unwrap();
        for line in record.lines() {
            assert!(packages.join(line.trim_end_matches(',')).is_file(), "{line}");
        }
        let all = ["__pycache__", "other-1.0.dist-info", about.as_str(), "twoviews_papermill.py"];
        assert_eq!(names(), all.map(Into::into).into());
        remove_from(packages).unwrap();
        assert_eq!(names(), ["__pycache__", "other-1.0.dist-info"].map(Into::into).into());
        assert_eq!(entries(&packages.join("__pycache__"), "").count(), 1);
        // What pip has made of the wheel stays.
        fs::create_dir(packages.join("twoviews_kernel-1.0.dist-info")).unwrap();
        fs::write(packages.join("twoviews_papermill.py"), "").unwrap();
        remove_from(packages).unwrap();
        assert!(packages.join("twoviews_papermill.py").is_file());
    }
}
