//! This program as the linker of a cell: it has the [library of all crates](super::shared_crates) linked in place of
//! their archives, and calls the real linker.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::shared_crates::{SharedCrates, defined_or_not, is_of_crate, succeeds};
use crate::build::cargo::shim::found_on;

/// The real linker; set for a cell's rustc only.
pub(super) const LINKER: &str = "TWOVIEWS_LINKER";
/// The place of the [stubs](super::link_stubs): a folder, or a file where cells shall be linked with the libraries and
/// the crates themselves.
pub(super) const STUBS: &str = "TWOVIEWS_LINK_STUBS";
/// What rustc calls where nothing else is said.
const USUAL: &str = "cc";

/// Whether rustc has called this program in the linker's place.
pub(in crate::build::cargo) fn is_linker() -> bool {
    std::env::var_os(LINKER).is_some()
}

/// What is added to rustc's `arguments` for a cell so that it calls this program, and the linker that it would have
/// called. `None` where that is not one that takes the arguments of a C compiler, or is not there.
pub(super) fn in_place_of(arguments: &[OsString]) -> Option<(OsString, OsString)> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let linker = chosen(arguments)?;
    let is_there = found_on(&std::env::var_os("PATH")?, &linker).is_some();
    let mut option = OsString::from("-Clinker=");
    option.push(std::env::current_exe().ok()?);
    is_there.then_some((option, linker))
}

/// The linker that rustc would call, if it is a C compiler.
fn chosen(arguments: &[OsString]) -> Option<OsString> {
    let mut linker = OsString::from(USUAL);
    for (index, argument) in arguments.iter().enumerate() {
        let option = match argument.as_bytes() {
            b"-C" | b"--codegen" => arguments.get(index + 1)?.as_bytes(),
            other => other.strip_prefix(b"-C").unwrap_or_default(),
        };
        if option.starts_with(b"linker-flavor=") {
            return None;
        }
        if let Some(named) = option.strip_prefix(b"linker=") {
            linker = OsStr::from_bytes(named).to_owned();
        }
    }
    let name = Path::new(&linker).file_name()?.to_str()?;
    let is_compiler = ["cc", "gcc", "clang", "c++", "g++"]
        .iter()
        .any(|it| name == *it || name.ends_with(&format!("-{it}")));
    is_compiler.then_some(linker)
}

/// Links a cell: with the library of its crates where that can be, else as rustc has said.
pub(in crate::build::cargo) fn link(arguments: &[OsString]) -> Result<ExitCode> {
    let linker = std::env::var_os(LINKER).unwrap_or_else(|| USUAL.into());
    let real = || {
        let mut real = Command::new(&linker);
        real.env_remove(LINKER).env_remove(STUBS);
        real
    };
    let stubs = PathBuf::from(std::env::var_os(STUBS).unwrap_or_default());
    let shared = SharedCrates::of(arguments, &stubs).filter(|_| !stubs.is_file());
    if let Some(shared) = shared
        && let Some(library) = shared.library(real)
        // Where a cell uses what the library does not export it is linked with the archives.
        && succeeds(real().args(with_library(arguments, &library)))
    {
        return Ok(ExitCode::SUCCESS);
    }
    let error = real().args(arguments).exec();
    if error.kind() == ErrorKind::NotFound {
        anyhow::bail!("linker `{}` not found", linker.display());
    }
    Err(error).with_context(|| format!("cannot run the linker {}", linker.display()))
}

/// The arguments with the library in the place of the crates' archives. What is not defined then is an error.
fn with_library(arguments: &[OsString], library: &Path) -> Vec<OsString> {
    let mut all = Vec::with_capacity(arguments.len());
    let mut is_named = false;
    for argument in arguments {
        if is_of_crate(argument) {
            if !is_named {
                // Archives stand where only those may.
                all.push("-Wl,-z,defs,--push-state,-Bdynamic".into());
                all.extend([library.into(), OsString::from("-Wl,--pop-state")]);
                is_named = true;
            }
        } else {
            // Names that the crates export are the library's to export.
            all.push(defined_or_not(argument).to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_a_c_compiler_is_replaced() {
        for (arguments, linker) in [
            ("--crate-name ctx -C opt-level=2", Some("cc")),
            ("-C linker=clang -C strip=none", Some("clang")),
            ("-Clinker=/opt/bin/x86_64-linux-gnu-gcc", Some("/opt/bin/x86_64-linux-gnu-gcc")),
            ("-C linker=/opt/bin/ld.lld", None),
            ("-C linker=wrapper", None),
            ("-C linker-flavor=ld -C linker=cc", None),
        ] {
            assert_eq!(chosen(&words(arguments)), linker.map(OsString::from), "{arguments}");
        }
        assert!(in_place_of(&words("-Clinker=/nowhere/cc")).is_none());
    }

    #[test]
    fn the_library_takes_the_place_of_the_archives() {
        let arguments = "a.o -Wl,--no-undefined-version /t/deps/libx-1.rlib /t/deps/liby-2.rlib \
                         /r/lib/rustlib/x/lib/libcompiler_builtins-3.rlib -o c.so";
        let arguments = with_library(&words(arguments), Path::new("/t/deps/all.so"));
        let expected = "a.o -Wl,--undefined-version \
                        -Wl,-z,defs,--push-state,-Bdynamic /t/deps/all.so -Wl,--pop-state \
                        /r/lib/rustlib/x/lib/libcompiler_builtins-3.rlib -o c.so";
        assert_eq!(arguments, words(expected));
    }
}
