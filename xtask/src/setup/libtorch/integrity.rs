//! Whether a libtorch is complete.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{folders, tools};

/// The library that everything is linked with, for Linux and macOS.
const LIBRARIES: [&str; 2] = ["lib/libtorch_cpu.so", "lib/libtorch_cpu.dylib"];
/// A header that the crates below include.
const HEADER: &str = "include/torch/csrc/api/include/torch/torch.h";
/// The files and their sizes, written when everything is there.
const LIST: &str = "installed-files.txt";

/// Why the libtorch at `place` cannot be used, if it cannot.
pub(super) fn fault(place: &Path) -> Result<Option<String>> {
    let missing = missing(place);
    if missing.is_some() || place.is_symlink() {
        return Ok(missing);
    }
    match fs::read_to_string(place.join(LIST)) {
        Ok(list) => Ok(changed(place, &list)),
        // Unpacked by the user, or by a set-up that wrote no list.
        Err(_) if loads(place) => record(place).map(|()| None),
        Err(_) => Ok(Some("is incomplete (it cannot be loaded)".to_owned())),
    }
}

/// What a folder lacks to be a libtorch at all.
pub(super) fn missing(folder: &Path) -> Option<String> {
    let library = LIBRARIES.iter().any(|name| folder.join(name).is_file());
    let missing = if library { HEADER } else { LIBRARIES[0] };
    let whole = library && folder.join(HEADER).is_file();
    (!whole).then(|| format!("is no complete libtorch (it lacks {missing})"))
}

/// Writes down which files belong to the libtorch at `place`.
pub(super) fn record(place: &Path) -> Result<()> {
    let mut list = String::new();
    files(place, "", &mut |name, size| list += &format!("{size} {name}\n"))
        .with_context(|| format!("reading {}", place.display()))?;
    folders::atomic_write(&place.join(LIST), list.as_bytes())
}

/// The first file that is not there in its full size.
fn changed(place: &Path, list: &str) -> Option<String> {
    list.lines().filter_map(|line| line.split_once(' ')).find_map(|(wanted, name)| {
        let size = fs::metadata(place.join(name)).map_or(0, |data| data.len());
        (wanted != size.to_string())
            .then(|| format!("is incomplete ({name} has {size} of {wanted} bytes)"))
    })
}

fn files(place: &Path, folder: &str, each: &mut dyn FnMut(&str, u64)) -> std::io::Result<()> {
    for entry in fs::read_dir(place.join(folder))? {
        let entry = entry?;
        let name = Path::new(folder).join(entry.file_name()).display().to_string();
        let data = fs::metadata(entry.path())?;
        if data.is_dir() {
            files(place, &name, each)?;
        } else if name != LIST {
            each(&name, data.len());
        }
    }
    Ok(())
}

/// Whether the system's loader takes the library, in a process of its own: a truncated one kills it.
fn loads(place: &Path) -> bool {
    let Ok(python) = tools::python() else { return false };
    let script = "import ctypes, sys; ctypes.CDLL(sys.argv[1])";
    LIBRARIES.iter().map(|name| place.join(name)).filter(|path| path.is_file()).any(|path| {
        let output = Command::new(&python.program).args(["-c", script]).arg(path).output();
        output.is_ok_and(|output| output.status.success())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_unpacked_libtorch_is_recognised() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        let file = |name: &str, text: &str| {
            fs::create_dir_all(place.join(name).parent().unwrap()).unwrap();
            fs::write(place.join(name), text).unwrap();
        };
        let fault = || fault(place).unwrap().unwrap_or_default();
        assert!(fault().contains("it lacks lib/libtorch_cpu.so"));
        file(LIBRARIES[0], "\x7fELF and no more");
        assert!(fault().contains("it lacks include/"));
        file(HEADER, "");
        assert!(fault().contains("cannot be loaded"));
        // What a set-up has finished is not loaded each time.
        file("include/ATen/ATen.h", "12345");
        record(place).unwrap();
        assert_eq!(fault(), "");
        file("include/ATen/ATen.h", "123");
        assert_eq!(fault(), "is incomplete (include/ATen/ATen.h has 3 of 5 bytes)");
        fs::remove_file(place.join("include/ATen/ATen.h")).unwrap();
        assert_eq!(fault(), "is incomplete (include/ATen/ATen.h has 0 of 5 bytes)");
    }

    #[test]
    fn a_libtorch_that_loads_is_taken_and_its_files_are_written_down() {
        let place = tempfile::tempdir().unwrap();
        let library = place.path().join(LIBRARIES[0]);
        for path in [&library, &place.path().join(HEADER)] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-x", "c", "/dev/null", "-o"]).arg(&library);
        assert!(compiler.status().unwrap().success());
        assert_eq!(fault(place.path()).unwrap(), None);
        let list = fs::read_to_string(place.path().join(LIST)).unwrap();
        assert!(list.lines().count() == 2 && list.contains(&format!("0 {HEADER}\n")), "{list}");
        assert_eq!(fault(place.path()).unwrap(), None);
    }
}
