//! The files that cargo's decision depends on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::call::{CELL, Call};
use super::state::{State, Texts, state};

/// cargo's message about the cell's crate, and the files that its decision depended on, but for `own`.
/// `None` if that cannot be said.
pub(super) fn watched(
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

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

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
}
