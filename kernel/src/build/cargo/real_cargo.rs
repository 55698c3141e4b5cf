//! Runs the real cargo where cells are compiled: with the versions that are to stay, and on the network
//! only for a crate that is not on this machine.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use twoviews_constants::variable::BUILD_DIRECTORY;

use super::complaint;
use super::shim::CargoShim;
use super::versions::Versions;

/// Whether cargo may use the network; set by people, too.
const OFFLINE: &str = "CARGO_NET_OFFLINE";
/// Where rust-analyzer wants the lock that it has copied to be read.
const LOCK_FILE: &str = "CARGO_RESOLVER_LOCKFILE_PATH";
/// evcxr's name for the crate of a cell, in the manifest and in cargo's messages.
const CELL: &str = "\"ctx\"";
/// cargo's code for an error.
const FAILED: i32 = 101;
/// A registry that does not answer is given up after these, unless someone has set them.
const PATIENCE: [(&str, &str); 2] = [("CARGO_HTTP_TIMEOUT", "10"), ("CARGO_NET_RETRY", "1")];

/// The folder in which a call of cargo works, if it is this kernel's build directory.
struct CellsFolder {
    path: PathBuf,
    lock_file: PathBuf,
    versions: Versions,
    manifest: Manifest,
}

enum Manifest {
    /// The cells have crates.
    Cells,
    /// The cells have none yet: the kernel has just begun, or was cleared.
    Empty,
    /// evcxr tries whether a dependency can be found.
    Trial,
}

/// Runs `cargo` with these arguments; answers what cargo would, with its messages if it has failed to
/// find a crate in one line.
pub(super) fn run(cargo: &mut Command, arguments: &[OsString]) -> Result<Output> {
    let Some(folder) = CellsFolder::of_call(arguments) else {
        return cargo.stderr(Stdio::inherit()).output().context("cannot run cargo");
    };
    if matches!(folder.manifest, Manifest::Empty) {
        folder.versions.begin(&folder.path.join("Cargo.toml"))?;
    }
    forget_ended_compilers(&folder.path.join("target"));
    let mut whole = folder.versions.whole()?;
    whole.write(&folder.lock_file)?;
    let mut output = run_offline(cargo)?;
    if has_failed_to_resolve(&output) {
        let said = if is_offline(arguments, &folder.path) {
            complaint::offline(&text(&output.stderr))
        } else {
            let fetched = fetch(cargo, &folder.path, &folder.versions)?;
            if fetched.status.success() {
                folder.keep(arguments, &folder.path.join("Cargo.lock"))?;
                whole = folder.versions.whole()?;
                whole.write(&folder.lock_file)?;
                output = run_offline(cargo)?;
                complaint::in_one_line(&text(&output.stderr))
            } else {
                complaint::online(&text(&output.stderr), &text(&fetched.stderr))
            }
        };
        if has_failed_to_resolve(&output) {
            answer(&mut output, arguments, &said);
        }
    }
    // A crate that does not compile is not kept; a cell that does not is no reason against its crates.
    if output.status.success() || text(&output.stdout).contains(CELL) {
        let is_new = folder.keep(arguments, &folder.lock_file)?;
        whole = if is_new { folder.versions.whole()? } else { whole };
    }
    // evcxr leaves the trial's behind, and stumbles over it if that has failed.
    if matches!(folder.manifest, Manifest::Trial)
        && let Some(manifest) = folder.versions.manifest()
    {
        std::fs::write(folder.path.join("Cargo.toml"), manifest)?;
    }
    // The same text at the end of each call: what has not changed need not be looked at again.
    whole.write(&folder.path.join("Cargo.lock"))?;
    std::io::stderr().write_all(&output.stderr)?;
    Ok(output)
}

impl CellsFolder {
    fn of_call(arguments: &[OsString]) -> Option<Self> {
        let mut after = arguments.iter().skip_while(|argument| *argument != "--manifest-path");
        let manifest = match after.nth(1) {
            Some(manifest) => PathBuf::from(manifest),
            None => std::env::current_dir().ok()?.join("Cargo.toml"),
        };
        let path = manifest.parent()?.to_owned();
        let own = std::env::var_os(BUILD_DIRECTORY)?;
        if path.canonicalize().ok()? != Path::new(&own).canonicalize().ok()? {
            return None;
        }
        let lock_file = std::env::var_os(LOCK_FILE).map(PathBuf::from);
        let lock_file = lock_file.unwrap_or_else(|| path.join("Cargo.lock"));
        let versions = Versions::of(&path)?;
        let manifest = Manifest::of(&std::fs::read_to_string(manifest).ok()?);
        Some(Self { path, lock_file, versions, manifest })
    }

    /// Keeps the versions of a cell that is compiled, not of one that is only looked at while it is
    /// written.
    fn keep(&self, arguments: &[OsString], lock_file: &Path) -> Result<bool> {
        if command(arguments) != Some("build") || !matches!(self.manifest, Manifest::Cells) {
            return Ok(false);
        }
        self.versions.keep(lock_file, &self.path.join("Cargo.toml"))
    }
}

impl Manifest {
    /// evcxr's text.
    fn of(text: &str) -> Self {
        if !text.contains(CELL) {
            return Self::Trial;
        }
        let (_, dependencies) = text.split_once("[dependencies]").unwrap_or_default();
        if dependencies.trim().is_empty() { Self::Empty } else { Self::Cells }
    }
}

/// Downloads what the manifest in `folder` needs.
pub(super) fn fetch(cargo: &Command, folder: &Path, versions: &Versions) -> Result<Output> {
    versions.whole()?.write(&folder.join("Cargo.lock"))?;
    let mut fetch = Command::new(cargo.get_program());
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => fetch.env(name, value),
            None => fetch.env_remove(name),
        };
    }
    for (name, value) in PATIENCE {
        if std::env::var_os(name).is_none() {
            fetch.env(name, value);
        }
    }
    fetch.env_remove(OFFLINE).env_remove(LOCK_FILE).current_dir(folder).arg("fetch");
    fetch.stdin(Stdio::null()).output().context("cannot run cargo")
}

/// cargo remembers what the compiler answered, also that it was ended before it could, when a user has
/// stopped a cell; and then fails each time.
pub(super) fn forget_ended_compilers(target: &Path) {
    let known = target.join(".rustc_info.json");
    if std::fs::read_to_string(&known).is_ok_and(|text| text.contains("\"code\":null")) {
        let _ = std::fs::remove_file(known);
    }
}

/// Lets cargo use what is on this machine. What it begins to compile is shown at once.
pub(super) fn run_offline(cargo: &mut Command) -> Result<Output> {
    cargo.env(OFFLINE, "true").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut cargo = cargo.spawn().context("cannot run cargo")?;
    let mut stdout = cargo.stdout.take().context("cargo says nothing")?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).map(|_| bytes)
    });
    let mut stderr = Vec::new();
    let said = cargo.stderr.take().context("cargo says nothing")?;
    for line in BufReader::new(said).split(b'\n') {
        let line = [line?, b"\n".to_vec()].concat();
        if line.trim_ascii_start().starts_with(b"Compiling ") {
            std::io::stderr().write_all(&line)?;
        } else {
            stderr.extend(line);
        }
    }
    let status: ExitStatus = cargo.wait()?;
    let stdout = reader.join().map_err(|_| anyhow::anyhow!("cargo cannot be read"))??;
    Ok(Output { status, stdout, stderr })
}

/// How a program ended, for the one that called this.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Whether it has stopped before there was anything to compile; not if someone has ended it.
fn has_failed_to_resolve(output: &Output) -> bool {
    let reasons = ["compiler-artifact", "compiler-message", "build-script-executed"];
    let stdout = text(&output.stdout);
    output.status.code() == Some(FAILED) && !reasons.iter().any(|reason| stdout.contains(reason))
}

/// Puts what went wrong where evcxr looks for it.
fn answer(output: &mut Output, arguments: &[OsString], said: &str) {
    let is_json = |argument: &OsString| argument == "--message-format=json";
    if arguments.iter().any(is_json) {
        let message = json!({
            "$message_type": "diagnostic", "level": "error", "message": said, "code": null,
            "spans": [], "children": [], "rendered": format!("error: {said}\n"),
        });
        let message = json!({"reason": "compiler-message", "message": message});
        output.stdout = format!("{message}\n").into_bytes();
        output.stderr.clear();
    } else {
        output.stderr = format!("{said}\n").into_bytes();
    }
}

/// Whether someone wants cargo to work offline: by evcxr's `:offline 1`, a variable or cargo's settings.
pub(super) fn is_offline(arguments: &[OsString], folder: &Path) -> bool {
    if arguments.iter().any(|argument| argument == "--offline" || argument == "--frozen") {
        return true;
    }
    if let Some(value) = std::env::var_os(OFFLINE).filter(|value| !value.is_empty()) {
        return value == "true" || value == "1";
    }
    let home = CargoShim::of_this_process().and_then(|shim| shim.home());
    let places = folder.ancestors().map(|it| it.join(".cargo")).chain(home);
    places.flat_map(|it| [it.join("config.toml"), it.join("config")]).any(|file| {
        let settings = std::fs::read_to_string(file).ok();
        let settings = settings.and_then(|text| text.parse::<toml::Table>().ok());
        let offline = settings.as_ref().and_then(|it| it.get("net")?.get("offline")?.as_bool());
        offline.unwrap_or(false)
    })
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The command's name among cargo's arguments.
pub(super) fn command(arguments: &[OsString]) -> Option<&str> {
    let is_command = |argument: &&OsString| !argument.as_encoded_bytes().starts_with(b"-");
    arguments.iter().find(is_command).map(OsString::as_os_str).and_then(OsStr::to_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_ended_compiler_did_not_say_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".rustc_info.json");
        for (code, stays) in [("0", true), ("1", true), ("null", false)] {
            let text = format!("{{\"outputs\":{{\"1\":{{\"success\":false,\"code\":{code}}}}}}}");
            std::fs::write(&path, text).unwrap();
            forget_ended_compilers(folder.path());
            assert_eq!(path.exists(), stays, "{code}");
        }
    }

    #[test]
    fn evcxrs_manifests_are_told_apart() {
        let cells = |dependencies: &str| {
            Manifest::of(&format!("[package]\nname = \"ctx\"\n[dependencies]\n{dependencies}\n"))
        };
        assert!(matches!(cells(""), Manifest::Empty));
        assert!(matches!(cells("a = \"1\""), Manifest::Cells));
        let trial = "[package]\nname = \"evcxr_dummy_validate_dep\"\n[dependencies]\na = {";
        assert!(matches!(Manifest::of(trial), Manifest::Trial));
    }

    #[test]
    fn the_command_is_found_behind_evcxrs_flag() {
        let words = |text: &str| -> Vec<OsString> { text.split(' ').map(Into::into).collect() };
        assert_eq!(command(&words("--offline build --target x")), Some("build"));
        assert_eq!(command(&words("--version")), None);
    }

    #[test]
    fn a_failure_before_anything_is_compiled_is_one_of_crates() {
        let output = |code: i32, stdout: &str| Output {
            status: std::os::unix::process::ExitStatusExt::from_raw(code),
            stdout: stdout.as_bytes().to_vec(),
            stderr: Vec::new(),
        };
        let error = FAILED << 8;
        assert!(has_failed_to_resolve(&output(error, "")));
        assert!(!has_failed_to_resolve(&output(error, "{\"reason\":\"compiler-message\"}")));
        assert!(!has_failed_to_resolve(&output(0, "")));
        assert!(!has_failed_to_resolve(&output(libc::SIGKILL, "")), "someone has stopped it");
    }
}
