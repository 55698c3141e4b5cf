//! Compiles a cell as the last one was compiled.
//!
//! cargo takes longer to find out that no crate has changed than rustc takes for a small cell. So when
//! cargo has compiled a cell, the call of rustc that it made is kept, with the state of everything
//! that could make it decide otherwise: its arguments, the variables, the manifests and settings, the
//! sources of the crates that lie on this machine, the compiler. While all of that is as it was, the
//! next cell is compiled by the same call; otherwise cargo decides again.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::diagnostics::{self, Diagnostics};
use super::link_stubs::Stubs;
use super::source as cell_source;

/// evcxr's name for the crate of a cell.
const CELL: &str = "ctx";
/// Where the recorder of rustc's calls writes.
const RECORD: &str = "TWOVIEWS_RECORD_RUSTC";
/// cargo calls rustc through the program that this names.
const WRAPPER: &str = "RUSTC_WRAPPER";
/// What rustc says when a crate that cargo compiled is no longer there or is another one.
const LOST_CRATE: [&str; 8] =
    ["E0460", "E0461", "E0462", "E0463", "E0464", "E0514", "E0519", "E0786"];

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
/// The linker's arguments for the last cell.
const LINK_ARGUMENTS: &str = "target/link-arguments";
/// Where [`LastBuild`] lies.
const MEMORY: &str = "target/last-cell.json";
/// Where the crates of the last cell lie, as [`crates`] tells them.
const CRATES: &str = "target/crates.json";
/// Set by evcxr where it builds, but not where it checks.
const PATH_FILE: &str = "EVCXR_EXECUTION_SO_PATH";
/// cargo adds the folders of the crates' libraries to it.
const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// A call of rustc, with the variables that cargo has set for it.
#[derive(Debug, Serialize, Deserialize)]
struct Call {
    program: String,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
}

/// The state of a file: when it was last changed, in nanoseconds, and its length; `None` without one.
type State = Option<(u128, u64)>;

/// What stands in files; `None` without one.
type Texts = BTreeMap<PathBuf, Option<String>>;

/// How the last cell was compiled, and all that this depends on.
#[derive(Debug, Serialize, Deserialize)]
struct LastBuild {
    arguments: Vec<String>,
    /// A digest: some of them are secrets.
    variables: String,
    /// evcxr writes these anew for each cell, with the same text.
    texts: Texts,
    files: BTreeMap<PathBuf, State>,
    call: Call,
    /// cargo's message about the cell's crate.
    artifact: Value,
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
    let arguments = if is_cell { for_a_cell(arguments) } else { arguments.to_vec() };
    rustc.args(&arguments).env_remove(RECORD).env_remove(WRAPPER);
    if is_cell {
        // What is not Unicode is not noted: cargo decides each time.
        if let (Some(program), Some(arguments)) = (program.to_str(), texts(&arguments)) {
            let variables = std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| crate::build::cargo::is_set_by_cargo(name) || name == LIBRARIES)
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

/// Answers `cargo build` for a cell, and `cargo check`: what checking needs of the crates is not
/// compiled, and would take minutes. `home` is cargo's folder, `stubs` that of [`Stubs`].
pub(in crate::build::cargo) fn run(
    mut cargo: Command,
    words: &[OsString],
    home: Option<PathBuf>,
    stubs: &Path,
) -> Result<ExitCode> {
    let folder = std::env::current_dir()?;
    let (memory, record) = (folder.join(MEMORY), folder.join("target/rustc.json"));
    let (Some(arguments), None) = (texts(words), std::env::var_os(WRAPPER)) else {
        return Err(cargo.exec()).context("cannot run cargo");
    };
    cell_source::prepare(&folder, &[])?;
    let variables = digest(std::env::vars_os().filter(|(name, _)| name != PATH_FILE));
    let last = std::fs::read(&memory)
        .ok()
        .and_then(|text| serde_json::from_slice::<LastBuild>(&text).ok());
    if let Some(last) = last
        && last.arguments == arguments
        && last.variables == variables
        && last.is_as_it_was()
        && let Some(code) = last.again(&folder, stubs)?
    {
        return Ok(code);
    }
    let begin = SystemTime::now();
    let _ = std::fs::remove_file(&memory);
    let _ = std::fs::remove_file(&record);
    cargo.env(WRAPPER, std::env::current_exe()?).env(RECORD, &record);
    let output = crate::build::cargo::real_cargo::run(&mut cargo, words)?;
    let mut said = Vec::new();
    let mut answer = Vec::new();
    for line in output.stdout.split_inclusive(|&byte| byte == b'\n') {
        let diagnostic = diagnostics::of_line(line);
        if diagnostic.as_ref().is_none_or(diagnostics::is_error) {
            answer.extend_from_slice(line);
        }
        said.extend(diagnostic);
    }
    Diagnostics::keep(&folder, said)?;
    let texts = own_texts(&folder);
    if output.status.success()
        && let Ok(call) = std::fs::read(&record)
        && let Ok(call) = serde_json::from_slice::<Call>(&call)
    {
        // What a variable was made with may be another crate now.
        let (before, now) = (crates(&folder), call.crates());
        std::fs::write(folder.join(CRATES), serde_json::to_vec(&now)?)?;
        let anew = before.into_iter().filter(|(name, was)| now.get(name) != Some(was));
        let anew: Vec<String> = anew.map(|(name, _)| name).collect();
        if let Some((artifact, files)) = watched(&output.stdout, &folder, home, &texts, &call) {
            let last = LastBuild { arguments, variables, texts, files, call, artifact };
            if last.files.values().flatten().all(|(changed, _)| *changed < nanoseconds(begin)) {
                std::fs::write(&memory, serde_json::to_vec(&last)?)?;
            }
            if cell_source::prepare(&folder, &anew)?
                && let Some(code) = last.again(&folder, stubs)?
            {
                return Ok(code);
            }
        }
    }
    std::io::stdout().write_all(&answer)?;
    Ok(crate::build::cargo::shim::code(output.status))
}

/// The crates with which the last cell in `folder` was compiled, by the names that cells have for them,
/// each with what tells its builds apart.
pub(crate) fn crates(folder: &Path) -> HashMap<String, String> {
    let text = std::fs::read(folder.join(CRATES)).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

impl Call {
    /// See [`crates`].
    fn crates(&self) -> HashMap<String, String> {
        let named = self.arguments.windows(2).filter(|pair| pair[0] == "--extern");
        let named = named.filter_map(|pair| pair[1].split_once('='));
        let version = |path: &str| format!("{path} {:?}", state(Path::new(path)));
        let name = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
        named.map(|(it, path)| (name(it), version(path))).collect()
    }
}

impl LastBuild {
    /// Whether cargo would decide as it did.
    fn is_as_it_was(&self) -> bool {
        self.files.iter().all(|(path, then)| state(path) == *then)
            && self.texts.iter().all(|(path, then)| std::fs::read_to_string(path).ok() == *then)
    }

    /// Compiles the cell that is there now and says what cargo would say. `None` if a crate is not
    /// there any more.
    fn again(&self, folder: &Path, stubs: &Path) -> Result<Option<ExitCode>> {
        let stubs = Stubs::read(stubs.to_owned());
        let (search, link) = stubs.arguments();
        let linked = folder.join(LINK_ARGUMENTS);
        let _ = std::fs::remove_file(&linked);
        let mut rustc = Command::new(&self.call.program);
        rustc.args(search).args(&self.call.arguments).args(link).envs(&self.call.variables);
        rustc.arg("--print").arg(format!("link-args={}", linked.display()));
        rustc.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut rustc = rustc.spawn().context("cannot run rustc")?;
        let (mut answer, mut has_lost_crate) = (String::new(), false);
        let mut said = Vec::new();
        for line in BufReader::new(rustc.stderr.take().context("rustc says nothing")?).lines() {
            let line = line?;
            match serde_json::from_str::<Value>(&line) {
                Ok(message) if message["$message_type"] == "diagnostic" => {
                    has_lost_crate |= is_about_a_lost_crate(&message);
                    if diagnostics::is_error(&message) {
                        let message = json!({
                            "reason": "compiler-message", "package_id": self.artifact["package_id"],
                            "manifest_path": self.artifact["manifest_path"],
                            "target": self.artifact["target"], "message": message,
                        });
                        answer += &format!("{message}\n");
                    }
                    said.push(message);
                }
                Ok(Value::Object(_)) => {}
                _ => eprintln!("{line}"),
            }
        }
        let success = rustc.wait()?.success();
        if has_lost_crate {
            return Ok(None);
        }
        Diagnostics::keep(folder, said)?;
        if success {
            let searched = self.call.arguments.iter().filter_map(|it| it.strip_prefix("native="));
            let searched: Vec<&Path> = searched.map(Path::new).collect();
            stubs.renew(&std::fs::read_to_string(&linked).unwrap_or_default(), &searched);
            self.put_in_place()?;
            answer += &format!("{}\n", self.artifact);
        }
        answer += &format!("{}\n", json!({"reason": "build-finished", "success": success}));
        std::io::stdout().write_all(answer.as_bytes())?;
        // cargo's code for an error of the compiler.
        Ok(Some(if success { ExitCode::SUCCESS } else { ExitCode::from(101) }))
    }

    /// Links the library from the folder of all crates to the place where cargo leaves it.
    fn put_in_place(&self) -> Result<()> {
        let mut arguments = self.call.arguments.iter();
        arguments.find(|argument| *argument == "--out-dir").context("no folder is named")?;
        let folder = Path::new(arguments.next().context("no folder is named")?);
        for path in self.artifact["filenames"].as_array().into_iter().flatten() {
            let path = Path::new(path.as_str().context("no file is named")?);
            let compiled = folder.join(path.file_name().context("no file is named")?);
            if compiled == path {
                continue;
            }
            let _ = std::fs::remove_file(path);
            std::fs::hard_link(&compiled, path)
                .or_else(|_| std::fs::copy(&compiled, path).map(drop))?;
        }
        Ok(())
    }
}

fn is_about_a_lost_crate(message: &Value) -> bool {
    let says = |key: &Value| key.as_str().unwrap_or_default().to_owned();
    LOST_CRATE.contains(&says(&message["code"]["code"]).as_str())
        || says(&message["message"]).starts_with("linking with")
}

/// cargo's message about the cell's crate, and the files that its decision depended on, but for `own`.
/// `None` if that cannot be said.
fn watched(
    stdout: &[u8],
    folder: &Path,
    home: Option<PathBuf>,
    own: &Texts,
    call: &Call,
) -> Option<(Value, BTreeMap<PathBuf, State>)> {
    // Another kernel may compile cells in another way.
    let mut paths = vec![PathBuf::from(&call.program), std::env::current_exe().ok()?];
    for place in folder.ancestors().map(|it| it.join(".cargo")).chain(home) {
        paths.extend([place.join("config.toml"), place.join("config")]);
    }
    for argument in &call.arguments {
        let path = argument.split_once('=').map(|(_, path)| Path::new(path));
        paths.extend(path.filter(|path| path.is_absolute() && path.is_file()).map(Path::to_owned));
    }
    let mut artifact = None;
    let mut packages = BTreeMap::new();
    for line in stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line).ok()?;
        let id = message["package_id"].as_str().unwrap_or_default().to_owned();
        let is_local = id.starts_with("path+");
        match message["reason"].as_str()? {
            "compiler-artifact" if message["target"]["name"] == CELL => artifact = Some(message),
            "compiler-artifact" if is_local => {
                let package = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
                paths.extend(sources(&message, &package)?);
                packages.insert(id, package);
            }
            "build-script-executed" if is_local => {
                paths.extend(scripts_files(&message, packages.get(&id)?)?);
            }
            _ => {}
        }
    }
    paths.retain(|path| !own.contains_key(path));
    Some((artifact?, paths.into_iter().map(|path| (path.clone(), state(&path))).collect()))
}

/// The files that a crate that lies on this machine is made from.
fn sources(artifact: &Value, package: &Path) -> Option<Vec<PathBuf>> {
    let compiled = Path::new(artifact["filenames"][0].as_str()?);
    let list = if artifact["target"]["kind"][0] == "custom-build" {
        // A build script has a folder to itself.
        let files =
            compiled.parent()?.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        files.into_iter().find(|path| path.extension() == Some("d".as_ref()))?
    } else {
        let stem = compiled.file_stem()?.to_str()?;
        compiled.with_file_name(stem.strip_prefix("lib").unwrap_or(stem)).with_extension("d")
    };
    let list = std::fs::read_to_string(list).ok()?;
    // A variable that the code reads at compile time may have any value next time.
    if list.lines().any(|line| line.starts_with("# env-dep:") && !line.contains("env-dep:CARGO_")) {
        return None;
    }
    let files = list.lines().filter_map(|line| line.strip_suffix(':'));
    let files = files.map(|file| package.join(file.replace("\\ ", " ")));
    let manifests = package.ancestors().map(|it| it.join("Cargo.toml"));
    Some(files.chain(manifests).chain([package.join("build.rs")]).collect())
}

/// The files that a build script says it depends on; all variables are compared anyway.
fn scripts_files(message: &Value, package: &Path) -> Option<Vec<PathBuf>> {
    let output = Path::new(message["out_dir"].as_str()?).with_file_name("output");
    let output = std::fs::read_to_string(output).ok()?;
    let lines = output.lines().filter_map(|line| line.strip_prefix("cargo:"));
    let said = lines
        .map(|line| line.trim_start_matches(':'))
        .filter_map(|it| it.strip_prefix("rerun-if-"));
    let said: Vec<&str> = said.collect();
    let files = said.iter().filter_map(|it| it.strip_prefix("changed="));
    let files: Vec<PathBuf> = files.map(|file| package.join(file)).collect();
    // One that says nothing depends on all of its package; a folder stands for all in it.
    (!said.is_empty() && files.iter().all(|file| !file.is_dir())).then_some(files)
}

/// The files that evcxr writes for each cell, but for the cell.
fn own_texts(folder: &Path) -> Texts {
    let names = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"].map(|name| folder.join(name));
    names.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).ok())).collect()
}

fn state(path: &Path) -> State {
    let data = std::fs::metadata(path).ok()?;
    Some((nanoseconds(data.modified().ok()?), data.len()))
}

fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}

fn texts(words: &[OsString]) -> Option<Vec<String>> {
    words.iter().map(|word| word.to_str().map(str::to_owned)).collect()
}

fn digest(variables: impl Iterator<Item = (OsString, OsString)>) -> String {
    let mut variables: Vec<_> = variables.collect();
    variables.sort();
    let mut digest = Sha256::new();
    for text in variables.iter().flat_map(|(name, value)| [name, value]) {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_crate_is_made_from_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let (deps, package) = (folder.path().join("deps"), folder.path().join("package"));
        fs::create_dir_all(&deps).unwrap();
        let rules =
            "deps/liba-1.rlib: src/lib.rs src/my\\ file.rs\n\nsrc/lib.rs:\nsrc/my\\ file.rs:\n";
        fs::write(deps.join("a-1.d"), rules).unwrap();
        let artifact =
            json!({"filenames": [deps.join("liba-1.rlib")], "target": {"kind": ["lib"]}});
        let files = sources(&artifact, &package).unwrap();
        for name in ["src/lib.rs", "src/my file.rs", "Cargo.toml", "build.rs"] {
            assert!(files.contains(&package.join(name)), "{name}");
        }
        assert!(files.contains(&folder.path().join("Cargo.toml")), "a workspace's");
        fs::write(deps.join("a-1.d"), format!("{rules}# env-dep:CARGO_PKG_NAME=a\n")).unwrap();
        assert!(sources(&artifact, &package).is_some());
        fs::write(deps.join("a-1.d"), format!("{rules}# env-dep:SECRET\n")).unwrap();
        assert!(sources(&artifact, &package).is_none());
        fs::remove_file(deps.join("a-1.d")).unwrap();
        assert!(sources(&artifact, &package).is_none());
    }

    #[test]
    fn a_build_script_must_say_on_which_files_it_depends() {
        let folder = tempfile::tempdir().unwrap();
        let message = json!({"out_dir": folder.path().join("out")});
        let files = |output: &str| {
            fs::write(folder.path().join("output"), output).unwrap();
            scripts_files(&message, folder.path())
        };
        let one = Some(vec![folder.path().join("build.rs")]);
        assert_eq!(files("cargo:rerun-if-changed=build.rs\ncargo:rustc-link-lib=a\n"), one);
        assert_eq!(files("cargo::rerun-if-changed=build.rs\n"), one);
        assert_eq!(files("cargo:rerun-if-env-changed=A\n"), Some(vec![]));
        assert_eq!(files("cargo:rustc-link-lib=a\n"), None);
        assert_eq!(files("cargo:rerun-if-changed=.\n"), None);
    }

    #[test]
    fn a_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("lib.rs"), "a").unwrap();
        fs::write(path("Cargo.toml"), "[package]").unwrap();
        let files = ["lib.rs", "build.rs"].map(path);
        let last = LastBuild {
            arguments: Vec::new(),
            variables: String::new(),
            texts: own_texts(folder.path()),
            files: files.iter().map(|path| (path.clone(), state(path))).collect(),
            call: Call {
                program: String::new(),
                arguments: Vec::new(),
                variables: BTreeMap::new(),
            },
            artifact: Value::Null,
        };
        let last = serde_json::to_vec(&last).unwrap();
        let last: LastBuild = serde_json::from_slice(&last).unwrap();
        assert!(last.is_as_it_was());
        // The same text, written anew.
        fs::write(path("Cargo.toml"), "[package]").unwrap();
        assert!(last.is_as_it_was());
        fs::write(path("Cargo.toml"), "[package] # another").unwrap();
        assert!(!last.is_as_it_was());
        fs::write(path("Cargo.toml"), "[package]").unwrap();
        for (name, text) in [("build.rs", "fn main() {}"), ("lib.rs", "b")] {
            fs::write(path(name), text).unwrap();
            let time = SystemTime::now() + std::time::Duration::from_secs(1);
            fs::File::options().write(true).open(path(name)).unwrap().set_modified(time).unwrap();
            assert!(!last.is_as_it_was(), "{name}");
            fs::remove_file(path(name)).unwrap();
        }
    }

    #[test]
    fn another_variable_is_another_digest() {
        let of = |pairs: &[(&str, &str)]| {
            digest(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
        };
        assert_eq!(of(&[("A", "1"), ("B", "2")]), of(&[("B", "2"), ("A", "1")]));
        assert_ne!(of(&[("A", "1"), ("B", "2")]), of(&[("A", "1"), ("B", "3")]));
        assert_ne!(of(&[("A", "BC")]), of(&[("AB", "C")]));
        assert!(!of(&[("HF_TOKEN", "secret")]).contains("secret"));
    }

    #[test]
    fn a_lost_crate_is_told_from_an_error_in_the_cell() {
        let message = |code: Value, text: &str| json!({"code": code, "message": text});
        assert!(is_about_a_lost_crate(&message(json!({"code": "E0463"}), "can't find crate")));
        assert!(is_about_a_lost_crate(&message(Value::Null, "linking with `cc` failed")));
        assert!(!is_about_a_lost_crate(&message(json!({"code": "E0425"}), "cannot find value")));
    }
}
