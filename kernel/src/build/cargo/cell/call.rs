//! cargo's call of rustc for a cell: what the kernel adds to it, and what is kept of it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::linker::{self, LINKER};
use super::state::state;
use crate::build::cargo::variables::is_set_by_cargo;

/// evcxr's name for the crate of a cell.
pub(super) const CELL: &str = "ctx";
/// Where the recorder of rustc's calls writes.
pub(super) const RECORD: &str = "TWOVIEWS_RECORD_RUSTC";
/// cargo calls rustc through the program that this names.
pub(super) const WRAPPER: &str = "RUSTC_WRAPPER";
/// What is added to rustc's arguments for a cell.
///
/// A cell is compiled in parts, and optimising them across one another takes a fifth of its time: a
/// small function that is called from generic code in a hot loop then has to be marked `#[inline]`.
/// Backtraces name functions and lines. Functions are the cell's own, also where an earlier one has
/// exported the same name; statics are shared.
const ADDED: [&str; 4] = [
    "-Clto=off",
    "-Cdebuginfo=line-tables-only",
    "-Cstrip=none",
    "-Clink-arg=-Wl,-Bsymbolic-functions",
];
/// cargo tells crates of one name apart by this. It would change with each crate that is added, and with
/// it the identity of all types that cells have defined.
const METADATA: &str = "metadata=twoviews-cell";
/// The level of optimisation of cells, where it is not that of the manifest: for the crates a change would
/// be another build, and their types others.
pub(crate) const LEVEL: &str = "TWOVIEWS_OPT_LEVEL";
/// cargo adds the folders of the crates' libraries to it.
const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// A call of rustc, with the variables that cargo has set for it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Call {
    pub program: String,
    pub arguments: Vec<String>,
    pub variables: BTreeMap<String, String>,
}

/// Whether cargo has called this program instead of rustc.
pub(in crate::build::cargo) fn is_recorder() -> bool {
    std::env::var_os(RECORD).is_some()
}

/// Runs rustc; notes the call if it is for a cell. `arguments` begin with the compiler.
pub(in crate::build::cargo) fn record(arguments: &[OsString]) -> Result<ExitCode> {
    let record = std::env::var_os(RECORD).unwrap_or_default();
    let (program, arguments) = arguments.split_first().context("no compiler is named")?;
    let mut rustc = Command::new(program);
    let is_cell = arguments.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == CELL);
    let mut arguments = if is_cell { for_a_cell(arguments) } else { arguments.to_vec() };
    let mut real_linker = None;
    if is_cell && let Some((option, linker)) = linker::in_place_of(&arguments) {
        arguments.push(option);
        rustc.env(LINKER, &linker);
        real_linker = linker.into_string().ok();
    }
    rustc.args(&arguments).env_remove(RECORD).env_remove(WRAPPER);
    if is_cell {
        // What is not Unicode is not noted: cargo decides each time.
        if let (Some(program), Some(arguments)) = (program.to_str(), texts(&arguments)) {
            let variables = std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| is_set_by_cargo(name) || name == LIBRARIES)
                .chain(real_linker.map(|linker| (LINKER.to_owned(), linker)))
                .collect();
            let call = Call { program: program.to_owned(), arguments, variables };
            std::fs::write(record, serde_json::to_vec(&call)?)?;
        }
    }
    Err(rustc.exec()).context("cannot run rustc")
}

/// cargo's arguments for a cell, with what cells need.
fn for_a_cell(arguments: &[OsString]) -> Vec<OsString> {
    let is_metadata =
        |argument: &OsString| argument.to_str().is_some_and(|it| it.starts_with("metadata="));
    let mut all: Vec<OsString> = arguments
        .iter()
        .map(|it| if is_metadata(it) { METADATA.into() } else { it.clone() })
        .collect();
    all.extend(ADDED.map(OsString::from));
    let level = std::env::var(LEVEL).ok().filter(|level| !level.is_empty());
    all.extend(level.map(|level| format!("-Copt-level={level}").into()));
    all
}

impl Call {
    /// The crates that it names, each with what tells its builds apart.
    pub(super) fn crates(&self) -> HashMap<String, String> {
        let named = self.arguments.windows(2).filter(|pair| pair[0] == "--extern");
        let named = named.filter_map(|pair| pair[1].split_once('='));
        let version = |path: &str| format!("{path} {:?}", state(Path::new(path)));
        let name = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
        named.map(|(it, path)| (name(it), version(path))).collect()
    }
}

/// Arguments as text; `None` if one is not Unicode.
pub(super) fn texts(words: &[OsString]) -> Option<Vec<String>> {
    words.iter().map(|word| word.to_str().map(str::to_owned)).collect()
}
