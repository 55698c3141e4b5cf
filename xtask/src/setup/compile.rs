//! Compiling with cargo, and saying meanwhile how many crates are compiled.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};
use serde_json::Value;

use super::progress::Part;
use crate::say::write;
use crate::{paths, tools};

/// Crates that take long, in seconds of one core; the others take about [`USUAL`].
const HEAVY: [(&str, f64); 23] = [
    ("object", 6.0),
    ("ra_ap_base_db", 6.0),
    ("ra_ap_hir", 7.0),
    ("ra_ap_hir_def", 60.0),
    ("ra_ap_hir_expand", 19.0),
    ("ra_ap_hir_ty", 105.0),
    ("ra_ap_ide", 8.0),
    ("ra_ap_ide_assists", 12.0),
    ("ra_ap_ide_completion", 5.0),
    ("ra_ap_ide_db", 6.0),
    ("ra_ap_syntax", 15.0),
    ("ring", 8.0),
    ("rustls", 5.0),
    ("salsa", 6.0),
    ("syn", 4.0),
    ("tch", 18.0),
    ("tokio", 6.0),
    ("torch-sys", 50.0),
    ("ttf-parser", 6.0),
    ("twoviews", 32.0),
    ("twoviews-kernel", 30.0),
    ("twoviews-tch-ext", 9.0),
    ("zstd-sys", 8.0),
];
const USUAL: f64 = 0.8;

/// Runs `cargo build` for a package of this workspace, quietly, and gives its messages. What it has to say of
/// errors is written whole.
pub(super) fn compile(cargo: &mut Command, package: &str, part: Part<'_>) -> Result<Vec<Value>> {
    cargo.args(["--quiet", "--message-format", "json-render-diagnostics"]);
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().with_context(|| format!("cannot start {cargo:?}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut messages) = (String::new(), Vec::new());
    thread::scope(|scope| {
        scope.spawn(|| stderr.map(|mut stderr| stderr.read_to_string(&mut said)));
        let mut count = None;
        for line in stdout.into_iter().flat_map(|it| BufReader::new(it).lines()) {
            let Some(message) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else {
                continue;
            };
            match &mut count {
                Some(count) => Count::see(count, &message),
                // Where nothing is compiled nothing need be counted.
                None if message["fresh"] == false => {
                    let mut begun = Count::of(crates(package), part);
                    messages.iter().chain([&message]).for_each(|it| begun.see(it));
                    count = Some(begun);
                }
                None => {}
            }
            messages.push(message);
        }
    });
    let status = child.wait();
    write(&said);
    tools::succeeded(cargo, status?)?;
    part.finish();
    Ok(messages)
}

/// The names of the crates that a package of this workspace is made of; none if cargo cannot say.
fn crates(package: &str) -> Vec<String> {
    let mut tree = Command::new("cargo");
    tree.current_dir(paths::root()).args(["tree", "--quiet", "--locked", "--package", package]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let Ok(output) = tree.stderr(Stdio::null()).output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    // `name v1.0.0 (proc-macro) (*)`
    let mut crates: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, rest)| Some((name, rest.split(' ').next()?)))
        .collect();
    crates.sort();
    crates.dedup();
    crates.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn work(package: &str) -> f64 {
    HEAVY.iter().find(|(name, _)| *name == package).map_or(USUAL, |(_, seconds)| *seconds)
}

/// Counts crates as cargo names them.
struct Count<'a> {
    part: Part<'a>,
    all: usize,
    compiled: usize,
    /// How many crates of that name there are to come.
    left: HashMap<String, usize>,
}

impl<'a> Count<'a> {
    fn of(crates: Vec<String>, part: Part<'a>) -> Self {
        if !crates.is_empty() {
            part.expect(crates.iter().map(|name| work(name)).sum());
        }
        let (all, mut left) = (crates.len(), HashMap::new());
        for name in crates {
            *left.entry(name).or_default() += 1;
        }
        Self { part, all, compiled: 0, left }
    }

    /// A build script comes before its crate, which alone counts.
    fn see(&mut self, message: &Value) {
        let is_whole = message["reason"] == "compiler-artifact"
            && message["target"]["kind"][0] != "custom-build";
        let Some(name) = message["package_id"].as_str().filter(|_| is_whole).map(package) else {
            return;
        };
        // A crate may be compiled for build scripts once more.
        let Some(left) = self.left.get_mut(name).filter(|left| **left > 0) else { return };
        *left -= 1;
        if message["fresh"] == true {
            self.part.spare(work(name));
            self.all -= 1;
        } else {
            self.part.advance(work(name));
            self.compiled += 1;
        }
        self.part.crates(self.compiled, self.all);
    }
}

/// The name in `registry+https://…#name@1.0.0` or `path+file:///…/name#1.0.0`.
fn package(id: &str) -> &str {
    let (url, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => url.rsplit('/').next().unwrap_or(url),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::setup::progress::Progress;

    #[test]
    fn each_crate_counts_once_and_what_is_there_does_not() {
        let progress = Progress::new();
        let crates = ["a", "a", "b", "ra_ap_hir_ty"].map(str::to_owned).into();
        let mut count = Count::of(crates, progress.part("kernel", 1.0));
        let mut see = |id: &str, kind: &str, fresh: bool| {
            count.see(&json!({
                "reason": "compiler-artifact", "package_id": id, "fresh": fresh, "target": {"kind": [kind]},
            }));
            (count.compiled, count.all)
        };
        assert_eq!(see("registry+https://x/index#a@1.0.0", "lib", true), (0, 3));
        assert_eq!(see("registry+https://x/index#a@2.0.0", "custom-build", false), (0, 3));
        assert_eq!(see("registry+https://x/index#a@2.0.0", "lib", false), (1, 3));
        assert_eq!(see("registry+https://x/index#a@2.0.0", "lib", false), (1, 3));
        assert_eq!(see("path+file:///x/b#0.1.0", "bin", false), (2, 3));
        assert_eq!(see("path+file:///x/other#0.1.0", "bin", false), (2, 3));
    }

    #[test]
    fn the_crates_of_a_package_are_known() {
        let names = crates("xtask");
        for name in ["anyhow", "serde_json", "xtask"] {
            assert!(names.iter().any(|it| it == name), "{name} of {names:?}");
        }
        assert!(!names.iter().any(|it| it == "tempfile"), "only tests need it");
    }

    #[test]
    fn what_fails_is_said() {
        let progress = Progress::new();
        let mut cargo = Command::new("sh");
        let error = compile(cargo.args(["-c", "exit 3"]), "xtask", progress.part("it", 1.0));
        assert!(error.unwrap_err().to_string().contains("failed"));
    }
}
