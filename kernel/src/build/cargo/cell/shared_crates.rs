//! One shared library of all crates that cells use.
//!
//! rustc has each cell linked with the archives of all crates: a hundred and thirty of them for the lessons,
//! of which a cell takes what it needs, megabytes, and runs its own copy with its own statics. A library
//! that is linked once from the same archives spares the linker the reading and the process the copies.
//!
//! Sessions load several, one for each set of crates that a notebook had. Names in them carry a version of
//! their own, so that a cell uses the crates that it was compiled with, whatever was loaded before. Names that
//! crates export for all libraries of the process (`#[no_mangle]`) have the same version everywhere: the first one
//! loaded serves all, as it does among cells.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::state::state;

/// How the files begin, among what the crates are compiled to: they go with it into other build directories.
const PREFIX: &str = "libtwoviews_crates-";
/// The version of names that are shared between the libraries.
const SHARED: &str = "twoviews_shared";
/// What rustc tells the linker of the names that a cell exports.
const EXPORTS: &[u8] = b"-Wl,--version-script=";
/// How a library is linked is part of its name: another way is another library.
const FORM: &str = "1";

/// The crates of a cell, as the linker is told of them.
pub(super) struct SharedCrates<'a> {
    arguments: &'a [OsString],
    archives: Vec<&'a OsString>,
    folder: &'a Path,
    digest: String,
}

/// Whether this argument is a crate's archive; those of the standard library are not meant.
pub(super) fn is_of_crate(argument: &OsStr) -> bool {
    let path = argument.as_bytes();
    path.ends_with(b".rlib") && !path.windows(13).any(|part| part == b"/lib/rustlib/")
}

/// Runs a linker whose errors nobody needs to see.
pub(super) fn succeeds(linker: &mut Command) -> bool {
    let quiet = linker.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

impl<'a> SharedCrates<'a> {
    /// `None` if there are none, or they are linked in a way in which they cannot be shared.
    pub(super) fn of(arguments: &'a [OsString]) -> Option<Self> {
        let archives: Vec<&'a OsString> = arguments.iter().filter(|it| is_of_crate(it)).collect();
        // They are all in one folder. With a standard library of its own each library would be a program for itself.
        let folder = Path::new(*archives.first()?).parent()?;
        let has_shared_std = arguments.iter().any(|argument| {
            let name = Path::new(argument).file_name().unwrap_or_default().as_bytes();
            name.starts_with(b"libstd-") && name.ends_with(b".so")
        });
        let mut digest = Sha256::new();
        digest.update(FORM);
        for archive in &archives {
            let path = Path::new(archive);
            digest.update(path.file_name()?.as_bytes());
            digest.update(format!("{:?}\n", state(path)?));
        }
        let digest = hex::encode(&digest.finalize()[..8]);
        has_shared_std.then_some(Self { arguments, archives, folder, digest })
    }

    /// Where the library is; it is linked if it is not there. `None` if that cannot be done.
    pub(super) fn library(&self, linker: Command) -> Option<PathBuf> {
        let path = self.folder.join(format!("{PREFIX}{}.so", self.digest));
        // A cell names it by this path.
        path.to_str().filter(|path| path.starts_with('/'))?;
        if path.is_file() {
            return Some(path);
        }
        let unfinished = |what: &str| {
            self.folder.join(format!("{PREFIX}{}.{}.{what}", self.digest, std::process::id()))
        };
        let (script, library) = (unfinished("map"), unfinished("part"));
        let made = fs::write(&script, self.versions()).is_ok()
            && self.link(linker, &script, &library)
            && fs::rename(&library, &path).is_ok();
        let _ = fs::remove_file(&script);
        let _ = fs::remove_file(&library);
        if made {
            self.remove_others(&path);
        }
        made.then_some(path)
    }

    fn link(&self, mut linker: Command, script: &Path, library: &Path) -> bool {
        let mut option = OsString::from(OsStr::from_bytes(EXPORTS));
        option.push(script);
        linker.arg("-Wl,--whole-archive").args(&self.archives).arg("-Wl,--no-whole-archive");
        let mut arguments = self.arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_bytes() {
                b"-o" => drop(arguments.next()),
                // The cell's, and what suits a cell.
                it if it.ends_with(b".o") || it.starts_with(EXPORTS) || is_of_crate(argument) => {}
                b"-Wl,--no-undefined-version" => drop(linker.arg("-Wl,--undefined-version")),
                b"-Wl,--gc-sections" => {}
                _ => drop(linker.arg(argument)),
            }
        }
        linker.args([&option, OsStr::new("-Wl,-z,defs"), OsStr::new("-Wl,--strip-debug")]);
        succeeds(linker.arg("-o").arg(library))
    }

    /// The versions of the library's names.
    fn versions(&self) -> String {
        let list = self.arguments.iter().find_map(|it| it.as_bytes().strip_prefix(EXPORTS));
        let list = list.and_then(|path| fs::read_to_string(OsStr::from_bytes(path)).ok());
        let list = list.unwrap_or_default();
        // `{`, `global:`, names with a semicolon each, `local:`, `*;`, `};`
        let names = list.lines().map(str::trim);
        let names = names.filter(|line| line.ends_with(';') && *line != "*;" && *line != "};");
        let names: String = names.map(|name| format!("    {name}\n")).collect();
        let shared = if names.is_empty() {
            String::new()
        } else {
            format!("{SHARED} {{\n  global:\n{names}}};\n")
        };
        format!("{shared}twoviews_{} {{\n  global:\n    *;\n}};\n", self.digest)
    }

    /// Removes the libraries of other sets of crates. What is loaded stays loaded.
    fn remove_others(&self, kept: &Path) {
        for entry in fs::read_dir(self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_library = name.as_bytes().starts_with(PREFIX.as_bytes());
            if is_library && name.as_bytes().ends_with(b".so") && entry.path() != kept {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crates_export_to_all_has_a_version_of_its_own() {
        let place = tempfile::tempdir().unwrap();
        let deps = place.path().join("deps");
        fs::create_dir(&deps).unwrap();
        let (list, archive) = (place.path().join("list"), deps.join("libx-1.rlib"));
        fs::write(&list, "{\n  global:\n    x_shared;\n    run_cell;\n\n  local:\n    *;\n};\n")
            .unwrap();
        fs::write(&archive, "an archive").unwrap();
        let option = |std: &str| -> Vec<OsString> {
            let list = format!("-Wl,--version-script={}", list.display());
            vec![list.into(), std.into(), archive.clone().into()]
        };
        let arguments = option("/r/lib/rustlib/x/lib/libstd-1.so");
        let crates = SharedCrates::of(&arguments).unwrap();
        let expected = format!(
            "twoviews_shared {{\n  global:\n    x_shared;\n    run_cell;\n}};\n\
             twoviews_{} {{\n  global:\n    *;\n}};\n",
            crates.digest
        );
        assert_eq!(crates.versions(), expected);
        assert_eq!(crates.folder, deps);
        let before = crates.digest.clone();
        fs::write(&archive, "another archive").unwrap();
        assert_ne!(SharedCrates::of(&arguments).unwrap().digest, before);
        // A standard library of the cell's own.
        assert!(SharedCrates::of(&option("/r/lib/rustlib/x/lib/libstd-1.rlib")).is_none());
        fs::remove_file(&archive).unwrap();
        assert!(SharedCrates::of(&arguments).is_none());
    }

    #[test]
    fn archives_that_cannot_be_one_library_leave_nothing() {
        let place = tempfile::tempdir().unwrap();
        let archive = place.path().join("libx-1.rlib");
        fs::write(&archive, "no archive").unwrap();
        let arguments: Vec<OsString> = vec!["/r/libstd-1.so".into(), archive.clone().into()];
        let crates = SharedCrates::of(&arguments).unwrap();
        assert_eq!(crates.library(Command::new("cc")), None);
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().collect();
        assert_eq!(left.iter().map(|it| it.path()).collect::<Vec<_>>(), [archive]);
    }
}
