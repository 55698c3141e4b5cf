//! Set-up in copies of this checkout whose paths have spaces and umlauts. Python environments are made
//! and mended for real; cargo, rustc and the notebook, which take minutes, are fakes that write down how
//! they were called.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const CARGO: &str = r#"#!/bin/sh
case "$*" in
build*twoviews-kernel*) what=kernel ;;
build*) what=crates ;;
*) what=$1 ;;
esac
echo "$what" >> "$CALLS"
case $what in
kernel)
    if [ -e "$FAKES/damaged" ]; then exit 101; fi
    kernel="$PWD/target/debug/twoviews-kernel"
    mkdir -p target/debug
    cp "$FAKES/kernel" "$kernel"
    echo "{\"target\": {\"name\": \"twoviews-kernel\"}, \"executable\": \"$kernel\"}" ;;
crates)
    [ "$RUSTFLAGS" = -Cprefer-dynamic ] && grep -q '^twoviews = ' Cargo.toml || exit 101
    mkdir -p "$CARGO_TARGET_DIR" ;;
clean) rm "$FAKES/damaged" ;;
esac
"#;

/// `twoviews-kernel install --name rust --display-name NAME --prefix PLACE --env=…`
const KERNEL: &str = r#"#!/bin/sh
[ "$1 $2 $3 $6" = "install --name rust --prefix" ] || exit 1
mkdir -p "$7/share/jupyter/kernels/rust"
echo "$0 $*" > "$7/share/jupyter/kernels/rust/kernel.json"
"#;

const RUSTC: &str = r#"#!/bin/sh
case "$1" in
-vV) cat "$FAKES/version" ;;
--print) echo "$FAKES/sysroot" ;;
esac
"#;

const NOTEBOOK: &str = r#"
import os, pathlib
with open(os.environ["CALLS"], "a") as calls:
    calls.write("notebook\n")
directory = pathlib.Path(__file__).parents[2] / ".slots/0"
(directory / "target").mkdir(parents=True, exist_ok=True)
(directory / "kernel.lock").touch()
"#;

/// A copy of this checkout, and fakes of the slow programs.
struct Place {
    temporary: TempDir,
    checkout: PathBuf,
}

impl Place {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let checkout = temporary.path().join("ein Ordner mit Umläuten/two views");
        fs::create_dir_all(&checkout).unwrap();
        for name in
            ["Cargo.lock", "Cargo.toml", "build.rs", "crates", "notebooks", "src", "tests", "xtask"]
        {
            // cargo starts tests in the folder of their package.
            copy(&Path::new("..").join(name), &checkout.join(name));
        }
        let place = Self { temporary, checkout };
        fs::write(place.checkout.join("xtask/python/requirements.txt"), "# nothing\n").unwrap();
        fs::write(place.checkout.join("xtask/python/run_notebook.py"), NOTEBOOK).unwrap();
        for (name, text) in [("cargo", CARGO), ("rustc", RUSTC), ("kernel", KERNEL)] {
            place.program(name, text);
        }
        place.fake("version", "rustc 1.95.0\nhost: a-machine\n");
        place.fake("sysroot/lib/rustlib/src/rust/library/Cargo.toml", "");
        place.fake("libtorch/lib/libtorch_cpu.so", "");
        place.fake("libtorch/include/torch/csrc/api/include/torch/torch.h", "");
        place
    }

    fn fakes(&self) -> PathBuf {
        self.temporary.path().join("fakes")
    }

    fn fake(&self, name: &str, text: &str) {
        let path = self.fakes().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.fake(name, text);
        let path = self.fakes().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `xtask setup` with the checkout's folder `current` as the current one.
    fn xtask(&self, current: &str) -> Output {
        let mut path = self.fakes().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        // Where this test is, at run time: it may have been moved, too.
        let test = std::env::current_exe().unwrap();
        Command::new(test.ancestors().nth(2).unwrap().join("xtask"))
            .arg("setup")
            .current_dir(self.checkout.join(current))
            .env("PATH", path)
            .env("FAKES", self.fakes())
            .env("CALLS", self.fakes().join("calls"))
            .env("LIBTORCH", self.fakes().join("libtorch"))
            .env_remove("CARGO_MANIFEST_DIR")
            .output()
            .unwrap()
    }

    /// A set-up that succeeds: what it said, and how it called the slow programs.
    fn setup(&self) -> (String, String) {
        let calls = self.fakes().join("calls");
        let _ = fs::remove_file(&calls);
        let output = self.xtask("notebooks");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (said, fs::read_to_string(calls).unwrap_or_default())
    }

    /// A set-up that fails: what it said.
    fn refused(&self) -> String {
        let output = self.xtask("");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Whether the environment's programs start and are this folder's.
    fn check_programs(&self) {
        let output = Command::new(self.checkout.join(".venv/bin/pip")).arg("--version").output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let folder = self.checkout.to_str().unwrap();
        assert!(output.status.success() && said.contains(folder), "{output:?}");
        let kernel = self.checkout.join(".venv/share/jupyter/kernels/rust/kernel.json");
        assert!(fs::read_to_string(kernel).unwrap().contains(folder));
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success());
}

/// Files of set-up that name `folder`.
fn naming(checkout: &Path, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in [".venv/bin", ".venv/share/jupyter/kernels/rust", ".venv", ".slots/0"] {
        for entry in fs::read_dir(checkout.join(place)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read(&path).unwrap_or_default();
            if path.is_file() && String::from_utf8_lossy(&text).contains(folder) {
                found.push(path);
            }
        }
    }
    found
}

fn sorted(calls: &str) -> Vec<&str> {
    let mut calls: Vec<&str> = calls.lines().collect();
    calls.sort();
    calls
}

#[test]
fn a_moved_checkout_is_mended_and_nothing_is_installed_again() {
    let mut place = Place::new();
    let (_, calls) = place.setup();
    // The kernel is built beside the others.
    let others = calls.replacen("kernel\n", "", 1);
    assert_eq!(
        (others.as_str(), calls.len() - others.len()),
        ("metadata\nfetch\ncrates\nnotebook\n", 7)
    );
    place.check_programs();
    let (said, calls) = place.setup();
    assert_eq!((said.as_str(), sorted(&calls).as_slice()), ("", ["kernel", "metadata"].as_slice()));

    // To a path without spaces, and back to one with them.
    let first = place.checkout.clone();
    for name in ["anderswo", "noch ein Ordner/two views"] {
        let old = place.checkout.clone();
        fs::write(old.join(".venv/kept"), "").unwrap();
        place.checkout = place.temporary.path().join(name);
        fs::create_dir_all(place.checkout.parent().unwrap()).unwrap();
        fs::rename(&old, &place.checkout).unwrap();
        let (said, calls) = place.setup();
        assert!(said.contains("was moved") && !said.contains("installing"), "{said}");
        assert!(calls.ends_with("notebook\n") && !calls.contains("clean"), "{calls}");
        place.check_programs();
        assert!(place.checkout.join(".venv/kept").exists());
        assert_eq!(naming(&place.checkout, old.to_str().unwrap()), [""; 0].map(PathBuf::from));
        assert_eq!(place.setup().0, "");
    }

    // A copy beside the original, and a link to it.
    let original = place.checkout.clone();
    copy(&original, &first);
    let before = fs::read(original.join(".venv/bin/pip")).unwrap();
    place.checkout = first;
    assert!(place.setup().0.contains("was moved"));
    place.check_programs();
    assert_eq!(naming(&place.checkout, original.to_str().unwrap()), [""; 0].map(PathBuf::from));
    assert_eq!(fs::read(original.join(".venv/bin/pip")).unwrap(), before);
    fs::remove_dir_all(place.checkout.join(".venv")).unwrap();
    symlink(original.join(".venv"), place.checkout.join(".venv")).unwrap();
    assert!(!place.setup().0.contains("moved"));
    assert_eq!(fs::read(original.join(".venv/bin/pip")).unwrap(), before);
}

#[test]
fn a_change_below_the_library_is_compiled_for_notebooks() {
    let place = Place::new();
    place.setup();
    for (name, is_compiled) in [
        ("crates/constants/src/lib.rs", true),
        ("crates/constants/Cargo.toml", true),
        ("build.rs", true),
        ("xtask/src/main.rs", false),
        ("README.md", false),
    ] {
        let path = place.checkout.join(name);
        let text = fs::read(&path).unwrap_or_default();
        fs::write(path, text).unwrap();
        let calls = place.setup().1;
        assert_eq!(calls.ends_with("notebook\n"), is_compiled, "{name}: {calls}");
        assert!(!place.setup().1.contains("notebook"), "{name}");
    }
}

#[test]
fn what_an_interrupted_set_up_left_is_made_anew() {
    let place = Place::new();
    // As Debian's Python without python3-venv leaves it.
    let venv = place.checkout.join(".venv");
    let mut made = Command::new("python3");
    assert!(made.args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap().success());
    fs::create_dir_all(place.checkout.join(".libtorch/lib")).unwrap();
    let (said, _) = place.setup();
    assert!(said.contains("has no pip") && said.contains("python3-venv"), "{said}");
    assert!(said.contains("it lacks lib/libtorch_cpu.so"), "{said}");
    place.check_programs();
    assert!(place.checkout.join(".libtorch").is_symlink());

    // Killed while packages were installed, and the machine went down during a build.
    fs::write(venv.join("installed-requirements.txt"), "# unfinished\n").unwrap();
    fs::write(venv.join("rest"), "").unwrap();
    fs::write(place.checkout.join("target/kernel-unfinished"), "").unwrap();
    place.fake("damaged", "");
    let (said, calls) = place.setup();
    assert!(said.contains("is unfinished") && said.contains("building anew"), "{said}");
    let kernels: Vec<&str> = calls.lines().filter(|it| matches!(*it, "kernel" | "clean")).collect();
    assert_eq!(kernels, ["kernel", "clean", "kernel"]);
    assert!(!venv.join("rest").exists());
    place.check_programs();

    // Another compiler, while a notebook is open and after it.
    place.fake("version", "rustc 1.96.0\nhost: a-machine\n");
    let directory = place.checkout.join(".slots/0");
    fs::write(directory.join("target/old"), "").unwrap();
    let open = fs::File::open(directory.join("kernel.lock")).unwrap();
    open.lock().unwrap();
    let (said, calls) = place.setup();
    assert!(said.contains("a notebook is open") && !calls.contains("notebook"), "{said}");
    assert!(directory.join("target/old").exists());
    drop(open);
    let (said, calls) = place.setup();
    assert!(said.contains("rustc has changed"), "{said}");
    assert!(calls.ends_with("notebook\n") && !directory.join("target/old").exists(), "{calls}");
    assert_eq!(place.setup().0, "");
}

#[test]
fn a_python_that_cannot_make_environments_leaves_none_and_says_what_to_install() {
    let place = Place::new();
    let venv = place.checkout.join(".venv");
    // Debian's Python with only a part of the modules: what it leaves is no environment.
    let half = "#!/bin/sh\n\
                if [ \"$1\" = -c ]; then printf '3 12\\nTrue\\n%s\\n' \"$0\"; exit; fi\n\
                mkdir -p \"$3/bin\"; touch \"$3/bin/python\"; echo 'ensurepip is not available'; exit 1\n";
    place.program("python3", half);
    let said = place.refused();
    assert!(said.contains("python3-venv, or python3.12-venv"), "{said}");
    assert!(said.contains("ensurepip is not available") && !venv.exists(), "{said}");

    let lacking = "#!/bin/sh\nprintf '3 12\\nFalse\\n%s\\n' \"$0\"\n";
    let old = "#!/bin/sh\nprintf '3 9\\nTrue\\n%s\\n' \"$0\"\n";
    for name in ["python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"] {
        place.program(name, old);
    }
    place.program("python3", lacking);
    let said = place.refused();
    assert!(said.contains("python3-venv, or python3.12-venv") && !venv.exists(), "{said}");
    place.program("python3", old);
    let said = place.refused();
    assert!(said.contains("3.10 or newer") && said.contains("is 3.9"), "{said}");
}
