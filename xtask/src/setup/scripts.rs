//! The programs of a Python environment name its Python by its full path: they are mended after the
//! environment has been moved.

use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::say::say;
use crate::{folders, tools};

/// Linux reads no more of a script's first line (older ones: 127 characters and the end of line).
const LONGEST_LINE: usize = 127;

/// Lets the scripts of the environment `folder` name its Python, unless they do.
pub(crate) fn mend(folder: &Path) -> Result<()> {
    let moved = moved(folder)?;
    if moved.is_empty() {
        return Ok(());
    }
    say(&format!("{} was moved: mending its programs", folder.display()));
    // Writes what activates the environment and pyvenv.cfg again, and keeps the packages.
    let mut venv = Command::new(folder.join("bin/python"));
    venv.args(["-I", "-m", "venv", "--without-pip"]).arg(folder);
    tools::run(&mut venv)?;
    for (path, script) in moved {
        let python = folder.join("bin").join(script.python.file_name().unwrap_or_default());
        let text = [header(&python).as_slice(), &script.rest].concat();
        folders::atomic_write(&path, &text)?;
    }
    Ok(())
}

/// The scripts in `folder` that name the Python of an environment elsewhere.
fn moved(folder: &Path) -> Result<Vec<(PathBuf, Script)>> {
    let bin = folder.join("bin");
    // An environment may have several names, by links; elsewhere is what has another true name.
    let here = bin.canonicalize().with_context(|| bin.display().to_string())?;
    let is_moved = |script: &Script| {
        let parts = (script.python.parent(), script.python.parent().and_then(Path::parent));
        let (Some(other), Some(environment)) = parts else { return false };
        environment.file_name() == folder.file_name()
            && other.canonicalize().ok().as_ref() != Some(&here)
    };
    let mut scripts = Vec::new();
    for entry in fs::read_dir(&bin).with_context(|| bin.display().to_string())? {
        let entry = entry?;
        // Links are the Python itself.
        if entry.file_type()?.is_file()
            && let Some(script) = Script::parse(&fs::read(entry.path())?).filter(is_moved)
        {
            scripts.push((entry.path(), script));
        }
    }
    Ok(scripts)
}

/// A script as pip writes it.
#[derive(Debug, PartialEq, Eq)]
struct Script {
    python: PathBuf,
    /// What follows the lines that name it.
    rest: Vec<u8>,
}

impl Script {
    /// `None` for what is no script of a Python.
    fn parse(text: &[u8]) -> Option<Self> {
        let (first, rest) = split_line(text)?;
        let (python, rest) = if first == b"#!/bin/sh" {
            let (second, rest) = split_line(rest)?;
            let (third, rest) = split_line(rest)?;
            let named = second.strip_prefix(b"'''exec' ")?.strip_suffix(br#" "$0" "$@""#)?;
            let named = [b"\"", b"'"]
                .iter()
                .find_map(|quote| named.strip_prefix(*quote)?.strip_suffix(*quote))
                .unwrap_or(named);
            (third == b"' '''").then_some((named, rest))?
        } else {
            (first.strip_prefix(b"#!")?, rest)
        };
        let python = PathBuf::from(std::ffi::OsString::from_vec(python.trim_ascii().to_vec()));
        let is_python = python.file_name()?.as_bytes().starts_with(b"py");
        is_python.then(|| Self { python, rest: rest.to_vec() })
    }
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    Some((&text[..end], &text[end + 1..]))
}

/// The first lines of a script for `python`: a plain one, or where its path has spaces or is long,
/// those that both the shell and Python understand (pip writes the same).
fn header(python: &Path) -> Vec<u8> {
    let path = python.as_os_str().as_bytes();
    if path.len() + b"#!".len() <= LONGEST_LINE && !path.iter().any(u8::is_ascii_whitespace) {
        [b"#!", path, b"\n"].concat()
    } else {
        [b"#!/bin/sh\n'''exec' \"", path, b"\" \"$0\" \"$@\"\n' '''\n"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = format!("/{}/.venv/bin/python", "long/".repeat(30));
        for path in ["/a/.venv/bin/python", "/Eigene Dateien/ü/.venv/bin/python3", &long] {
            let python = PathBuf::from(path);
            let text = [header(&python).as_slice(), b"import sys\n"].concat();
            let script = Script { python, rest: b"import sys\n".to_vec() };
            assert_eq!(Script::parse(&text), Some(script), "{path}");
        }
        assert_eq!(header(Path::new("/a/bin/python")), b"#!/a/bin/python\n");
    }

    #[test]
    fn other_installers_scripts_are_read_and_other_programs_are_not() {
        for text in [
            "#!/bin/sh\n'''exec' '/a b/bin/python' \"$0\" \"$@\"\n' '''\n",
            "#!/bin/sh\n'''exec' /a b/bin/python \"$0\" \"$@\"\n' '''\n",
            "#!/a b/bin/python\n",
        ] {
            let script = Script::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (script.python.as_path(), script.rest.len()),
                (Path::new("/a b/bin/python"), 0)
            );
        }
        for text in [
            "",
            "#!",
            "#!/bin/sh\n",
            "#!/bin/sh\necho\n\n",
            "#!/usr/bin/env python3\n",
            "\x7fELF\n",
        ] {
            assert_eq!(Script::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
