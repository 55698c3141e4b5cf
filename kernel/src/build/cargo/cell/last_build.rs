//! How the last cell was compiled, and the same once more.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Call;
use super::diagnostics::{self, Diagnostics};
use super::link_stubs::Stubs;
use super::linker::STUBS;
use super::shortened::Shortened;
use super::state::{State, Texts, state};

/// What rustc says when a crate that cargo compiled is no longer there or is another one.
const LOST_CRATE: [&str; 8] =
    ["E0460", "E0461", "E0462", "E0463", "E0464", "E0514", "E0519", "E0786"];

/// The linker's arguments for the last cell.
const LINK_ARGUMENTS: &str = "target/link-arguments";
/// How the last cell was compiled, and all that this depends on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LastBuild {
    pub arguments: Vec<String>,
    /// A digest: some of them are secrets.
    pub variables: String,
    /// evcxr writes these anew for each cell, with the same text.
    pub texts: Texts,
    pub files: BTreeMap<PathBuf, State>,
    pub call: Call,
    /// cargo's message about the cell's crate.
    pub artifact: Value,
}

/// What came of a call of rustc.
struct Compiled {
    /// Its diagnostics.
    said: Vec<Value>,
    success: bool,
}

impl Compiled {
    fn has_lost_crate(&self) -> bool {
        self.said.iter().any(is_about_a_lost_crate)
    }
}

impl LastBuild {
    /// Whether cargo would decide as it did.
    pub(super) fn is_as_it_was(&self) -> bool {
        self.files.iter().all(|(path, then)| state(path) == *then)
            && self.texts.iter().all(|(path, then)| std::fs::read_to_string(path).ok() == *then)
    }

    /// Compiles the cell that is there now and says what cargo would say. `None` if a crate is not
    /// there any more.
    pub(super) fn again(&self, folder: &Path, stubs: &Path) -> Result<Option<ExitCode>> {
        let stubs = Stubs::read(stubs.to_owned());
        let shortened = Shortened::write(folder)?;
        let mut compiled = self.compile(folder, &stubs)?;
        if let Some(shortened) = shortened
            && (compiled.has_lost_crate() || compiled.said.iter().any(|it| shortened.misses(it)))
        {
            shortened.restore(folder)?;
            if !compiled.has_lost_crate() {
                compiled = self.compile(folder, &stubs)?;
            }
        }
        if compiled.has_lost_crate() {
            return Ok(None);
        }
        let Compiled { said, success } = compiled;
        let mut answer = String::new();
        for message in said.iter().filter(|it| diagnostics::is_error(it)) {
            let message = json!({
                "reason": "compiler-message", "package_id": self.artifact["package_id"],
                "manifest_path": self.artifact["manifest_path"],
                "target": self.artifact["target"], "message": message,
            });
            answer += &format!("{message}\n");
        }
        Diagnostics::keep(folder, said)?;
        if success {
            let searched = self.call.arguments.iter().filter_map(|it| it.strip_prefix("native="));
            let searched: Vec<&Path> = searched.map(Path::new).collect();
            let linked = std::fs::read_to_string(folder.join(LINK_ARGUMENTS));
            stubs.renew(&linked.unwrap_or_default(), &searched);
            self.put_in_place()?;
            answer += &format!("{}\n", self.artifact);
        }
        answer += &format!("{}\n", json!({"reason": "build-finished", "success": success}));
        std::io::stdout().write_all(answer.as_bytes())?;
        // cargo's code for an error of the compiler.
        Ok(Some(if success { ExitCode::SUCCESS } else { ExitCode::from(101) }))
    }

    /// Calls rustc as cargo did.
    fn compile(&self, folder: &Path, stubs: &Stubs) -> Result<Compiled> {
        let (search, link) = stubs.arguments();
        let linked = folder.join(LINK_ARGUMENTS);
        let _ = std::fs::remove_file(&linked);
        let mut rustc = Command::new(&self.call.program);
        rustc.args(search).args(&self.call.arguments).args(link).envs(&self.call.variables);
        rustc
            .env(STUBS, stubs.folder())
            .arg("--print")
            .arg(format!("link-args={}", linked.display()));
        rustc.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut rustc = rustc.spawn().context("cannot run rustc")?;
        let mut said = Vec::new();
        for line in BufReader::new(rustc.stderr.take().context("rustc says nothing")?).lines() {
            let line = line?;
            match serde_json::from_str::<Value>(&line) {
                Ok(message) if message["$message_type"] == "diagnostic" => said.push(message),
                Ok(Value::Object(_)) => {}
                _ => eprintln!("{line}"),
            }
        }
        Ok(Compiled { said, success: rustc.wait()?.success() })
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::super::state::own_texts;
    use super::*;

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
    fn a_lost_crate_is_told_from_an_error_in_the_cell() {
        let message = |code: Value, text: &str| json!({"code": code, "message": text});
        assert!(is_about_a_lost_crate(&message(json!({"code": "E0463"}), "can't find crate")));
        assert!(is_about_a_lost_crate(&message(Value::Null, "linking with `cc` failed")));
        assert!(!is_about_a_lost_crate(&message(json!({"code": "E0425"}), "cannot find value")));
    }
}
