//! One shared library of all crates that cells use.
//!
//! rustc has each cell linked with the archives of all crates: a hundred and thirty of them for the lessons,
//! of which a cell takes what it needs, megabytes, and runs its own copy with its own statics. A library
//! that is linked once from the same archives spares the linker the reading and the process the copies.
//!
//! A cell is linked with the crates that it uses, so a library serves all cells that use no others, and one that does
//! not suffice is made anew with those that it had. Sessions load several, then. Names in them carry a version of
//! their own, so that a cell uses the crates that it was compiled with, whatever was loaded before. Names that
//! crates export for all libraries of the process (`#[no_mangle]`) have the same version everywhere: the first one
//! loaded serves all, as it does among cells.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::state::{State, state};

/// How the files begin, among what the crates are compiled to: they go with it into other build directories.
const PREFIX: &str = "libtwoviews_crates-";
/// What a library was made of stands beside it.
const LIST: &str = "list";
/// The version of names that are shared between the libraries.
const SHARED: &str = "twoviews_shared";
/// What rustc tells the linker of the names that a cell exports.
const EXPORTS: &[u8] = b"-Wl,--version-script=";
/// How a library is linked is part of its name: another way is another library.
const FORM: &str = "2";

/// The crates of a cell, as the linker is told of them.
pub(super) struct SharedCrates<'a> {
    arguments: &'a [OsString],
    /// Where the stubs of large libraries lie: the library is linked with the libraries themselves.
    stubs: &'a Path,
    archives: Archives,
    /// Where the cell's own library goes, among the crates of this build directory.
    folder: &'a Path,
}

/// Crates' archives by the names of their files, which tell their versions and features.
type Archives = BTreeMap<OsString, (PathBuf, State)>;

/// Whether this argument is a crate's archive; those of the standard library are not meant.
pub(super) fn is_of_crate(argument: &OsStr) -> bool {
    let path = argument.to_string_lossy();
    path.ends_with(".rlib") && !path.contains("/lib/rustlib/")
}

/// The argument, but without the demand that all names exist to which a version script gives a version.
pub(super) fn defined_or_not(argument: &OsStr) -> &OsStr {
    if argument == "-Wl,--no-undefined-version" {
        "-Wl,--undefined-version".as_ref()
    } else {
        argument
    }
}

/// Runs a linker whose errors nobody needs to see.
pub(super) fn succeeds(linker: &mut Command) -> bool {
    let quiet = linker.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn archives<'a>(paths: impl Iterator<Item = &'a OsStr>) -> Option<Archives> {
    let one = |path| {
        let (path, state) = (Path::new(path), Some(state(Path::new(path))?));
        Some((path.file_name()?.to_owned(), (path.to_owned(), state)))
    };
    paths.map(one).collect()
}

impl<'a> SharedCrates<'a> {
    /// `None` if there are none, or they are linked in a way in which they cannot be shared.
    pub(super) fn of(arguments: &'a [OsString], stubs: &'a Path) -> Option<Self> {
        let paths = arguments.iter().map(OsString::as_os_str).filter(|it| is_of_crate(it));
        let archives = archives(paths).filter(|it| !it.is_empty())?;
        let output = arguments.windows(2).find(|pair| pair[0] == "-o")?;
        let folder = Path::new(&output[1]).parent()?;
        // With a standard library of its own each library would be a program for itself.
        let has_shared_std = arguments.iter().any(|argument| {
            let name = Path::new(argument).file_name().unwrap_or_default().as_bytes();
            name.starts_with(b"libstd-") && name.ends_with(b".so")
        });
        has_shared_std.then_some(Self { arguments, stubs, archives, folder })
    }

    /// Where a library with all these crates is; it is linked if there is none. `None` if that cannot be done.
    pub(super) fn library(&self, linker: impl Fn() -> Command) -> Option<PathBuf> {
        // A cell names it by this path.
        self.folder.to_str().filter(|path| path.starts_with('/'))?;
        let mut all = self.archives.clone();
        for (library, others) in self.libraries() {
            let has = |(name, (_, state)): (&OsString, &(PathBuf, State))| {
                others.get(name).is_some_and(|(_, then)| then == state)
            };
            if self.archives.iter().all(has) {
                return Some(library);
            }
            // As they are now, if they are there.
            let others = others.into_iter().filter(|(_, (path, then))| state(path) == *then);
            all.extend(others.filter(|(name, _)| !self.archives.contains_key(name)));
        }
        // Not all that some cell has used need go together.
        let is_more = all.len() > self.archives.len();
        let made = is_more.then(|| self.make(&all, &linker)).flatten();
        made.or_else(|| self.make(&self.archives, &linker))
    }

    /// The libraries that there are, and what each was made of.
    fn libraries(&self) -> Vec<(PathBuf, Archives)> {
        let files = fs::read_dir(self.folder).into_iter().flatten().flatten();
        let is_list = |name: &OsString| {
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(&format!(".{LIST}"))
        };
        // Among a thousand other files.
        let lists = files.filter(|file| is_list(&file.file_name())).map(|file| file.path());
        let read = |path: PathBuf| {
            let library = Some(path.with_extension("so")).filter(|it| it.is_file())?;
            let list: Vec<(PathBuf, State)> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
            let by_name = |it: (PathBuf, State)| Some((it.0.file_name()?.to_owned(), it));
            Some((library, list.into_iter().filter_map(by_name).collect()))
        };
        lists.filter_map(read).collect()
    }

    fn make(&self, archives: &Archives, linker: &impl Fn() -> Command) -> Option<PathBuf> {
        let list: Vec<&(PathBuf, State)> = archives.values().collect();
        let list = serde_json::to_vec(&list).ok()?;
        let mut digest = Sha256::new();
        digest.update(FORM);
        digest.update(&list);
        let digest = hex::encode(&digest.finalize()[..8]);
        let path = self.folder.join(format!("{PREFIX}{digest}.so"));
        // Beside the stubs a session remembers what could not be linked: it would be tried for each cell.
        let refused = self.stubs.with_file_name(format!("{digest}.refused"));
        if refused.exists() {
            return None;
        }
        let unfinished = |what: &str| path.with_extension(format!("{}.{what}", std::process::id()));
        let (script, library, names) = (unfinished("map"), unfinished("part"), unfinished("names"));
        let is_ready =
            fs::write(&script, self.versions(&digest)).is_ok() && fs::write(&names, list).is_ok();
        let linked = is_ready && self.link(archives, linker(), &script, &library);
        if is_ready && !linked && !self.stubs.as_os_str().is_empty() {
            let _ = fs::write(refused, "");
        }
        let made = linked
            && fs::rename(&names, path.with_extension(LIST)).is_ok()
            && fs::rename(&library, &path).is_ok();
        for file in [script, library, names] {
            let _ = fs::remove_file(file);
        }
        if made {
            self.remove_others(&path, archives);
        }
        made.then_some(path)
    }

    fn link(
        &self,
        archives: &Archives,
        mut linker: Command,
        script: &Path,
        library: &Path,
    ) -> bool {
        let mut option = OsString::from(OsStr::from_bytes(EXPORTS));
        option.push(script);
        linker.arg("-Wl,--whole-archive").args(archives.values().map(|(path, _)| path));
        linker.arg("-Wl,--no-whole-archive");
        let mut arguments = self.arguments.iter().peekable();
        while let Some(argument) = arguments.next() {
            let is_stub = |argument: &OsString| {
                !self.stubs.as_os_str().is_empty() && Path::new(argument).starts_with(self.stubs)
            };
            match argument.as_bytes() {
                b"-o" => drop(arguments.next()),
                b"-L" if arguments.peek().is_some_and(|it| is_stub(it)) => drop(arguments.next()),
                // The cell's, and what suits a cell.
                it if it.ends_with(b".o") || it.starts_with(EXPORTS) || is_of_crate(argument) => {}
                b"-Wl,--gc-sections" => {}
                _ if is_stub(argument) => {}
                _ => drop(linker.arg(defined_or_not(argument))),
            }
        }
        linker.args([&option, OsStr::new("-Wl,-z,defs"), OsStr::new("-Wl,--strip-debug")]);
        succeeds(linker.arg("-o").arg(library))
    }

    /// The versions of the library's names.
    fn versions(&self, digest: &str) -> String {
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
        format!("{shared}twoviews_{digest} {{\n  global:\n    *;\n}};\n")
    }

    /// Removes the libraries whose crates are all in a new one, or others by now. What is loaded stays loaded.
    fn remove_others(&self, new: &Path, archives: &Archives) {
        let has = |(name, (path, then)): (&OsString, &(PathBuf, State))| {
            archives.contains_key(name) || state(path) != *then
        };
        for (library, others) in self.libraries() {
            if library != new && others.iter().all(has) {
                let _ = fs::remove_file(library.with_extension(LIST));
                let _ = fs::remove_file(library);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build directory's folder with a standard library and archives in it.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            let list = "{\n  global:\n    x_shared;\n    run_cell;\n\n  local:\n    *;\n};\n";
            fs::write(folder.path("list"), list).unwrap();
            fs::create_dir_all(folder.path("session/link-stubs")).unwrap();
            folder.compile("-shared", "libstd-1.so", "");
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn compile(&self, option: &str, name: &str, text: &str) {
            let source = self.path("source.c");
            fs::write(&source, text).unwrap();
            let mut cc = Command::new("cc");
            cc.args([option, "-fPIC", "-o"]).arg(self.path(name)).arg(source);
            assert!(cc.status().unwrap().success());
        }

        fn archive(&self, name: &str, text: &str) {
            self.compile("-c", "part.o", text);
            let _ = fs::remove_file(self.path(name));
            let mut ar = Command::new("ar");
            ar.arg("rcs").arg(self.path(name)).arg(self.path("part.o"));
            assert!(ar.status().unwrap().success());
        }

        /// The linker's arguments for a cell.
        fn arguments(&self, std: &str, archives: &[&str]) -> Vec<OsString> {
            let script = format!("-Wl,--version-script={}", self.path("list").display());
            let names = [std].into_iter().chain(archives.iter().copied());
            let files = names.map(|name| self.path(name).into());
            let output = ["-o".into(), self.path("libctx.so").into()];
            [script.into(), "-shared".into()].into_iter().chain(files).chain(output).collect()
        }

        fn library(&self, archives: &[&str]) -> Option<PathBuf> {
            let arguments = self.arguments("libstd-1.so", archives);
            let stubs = self.path("session/link-stubs");
            SharedCrates::of(&arguments, &stubs).unwrap().library(|| Command::new("cc"))
        }

        fn libraries(&self) -> Vec<PathBuf> {
            let all = fs::read_dir(self.0.path()).unwrap().flatten().map(|it| it.path());
            let is_one =
                |it: &PathBuf| it.file_name().unwrap().as_bytes().starts_with(PREFIX.as_bytes());
            let mut all: Vec<PathBuf> = all.filter(is_one).collect();
            all.sort();
            all
        }
    }

    #[test]
    fn what_crates_export_to_all_has_a_version_of_its_own() {
        let folder = Folder::new();
        folder.archive("libx-1.rlib", "");
        let arguments = folder.arguments("libstd-1.so", &["libx-1.rlib"]);
        let expected = "twoviews_shared {\n  global:\n    x_shared;\n    run_cell;\n};\n\
                        twoviews_1f {\n  global:\n    *;\n};\n";
        let of = |arguments: &[OsString]| {
            SharedCrates::of(arguments, Path::new("")).map(|it| it.versions("1f"))
        };
        assert_eq!(of(&arguments).unwrap(), expected);
        // A standard library of the cell's own, no crate, and one that is not there.
        for (std, archives) in [
            ("libstd-1.rlib", ["libx-1.rlib"].as_slice()),
            ("libstd-1.so", &[]),
            ("libstd-1.so", &["libx-1.rlib", "liby-1.rlib"]),
        ] {
            assert_eq!(of(&folder.arguments(std, archives)), None, "{archives:?}");
        }
    }

    #[test]
    fn a_library_serves_all_cells_that_use_no_other_crates() {
        let folder = Folder::new();
        folder.archive("libx-1.rlib", "int x_shared = 1; int x(void) { return 1; }");
        folder.archive("liby-1.rlib", "int x(void); int y(void) { return x(); }");
        let first = folder.library(&["libx-1.rlib"]).unwrap();
        assert_eq!(folder.library(&["libx-1.rlib"]).unwrap(), first);
        let both = folder.library(&["liby-1.rlib"]).unwrap();
        assert_eq!(folder.libraries(), [both.with_extension(LIST), both.clone()]);
        for archives in [["libx-1.rlib"].as_slice(), &["liby-1.rlib", "libx-1.rlib"]] {
            assert_eq!(folder.library(archives).unwrap(), both);
        }
        // Another build of a crate that was used.
        folder.archive("libx-1.rlib", "int x(void) { return 2; } int more(void) { return 3; }");
        let changed = folder.library(&["libx-1.rlib"]).unwrap();
        assert_ne!(changed, both);
        assert_eq!(folder.library(&["liby-1.rlib"]).unwrap(), changed);
        // What does not go together is left out.
        folder.archive("libz-1.rlib", "int x(void) { return 4; }");
        let alone = folder.library(&["libz-1.rlib"]).unwrap();
        assert_ne!(folder.library(&["libx-1.rlib"]).unwrap(), alone);
        // Neither takes the other's place.
        assert_eq!(folder.library(&["libx-1.rlib"]).unwrap(), changed);
        assert_eq!(folder.library(&["libz-1.rlib"]).unwrap(), alone);
    }

    #[test]
    fn it_is_linked_with_libraries_and_not_with_their_stubs() {
        let folder = Folder::new();
        folder.compile("-shared", "libreal.so", "int real(void) { return 1; }");
        folder.compile("-shared", "session/link-stubs/libreal.so", "");
        folder.archive("libx-1.rlib", "int real(void); int x(void) { return real(); }");
        let stubs = folder.path("session/link-stubs");
        let mut arguments = folder.arguments("libstd-1.so", &["libx-1.rlib"]);
        let stub = stubs.join("libreal.so");
        let searched = ["-L".into(), (&stubs).into(), "-L".into(), folder.0.path().into()];
        arguments.extend(searched.into_iter().chain(["-lreal".into(), stub.into()]));
        let crates = SharedCrates::of(&arguments, &stubs).unwrap();
        assert!(crates.library(|| Command::new("cc")).is_some());
    }

    #[test]
    fn archives_that_cannot_be_one_library_leave_nothing() {
        let folder = Folder::new();
        fs::write(folder.path("libx-1.rlib"), "no archive").unwrap();
        assert_eq!(folder.library(&["libx-1.rlib"]), None);
        assert_eq!(folder.libraries(), [""; 0].map(PathBuf::from));
        // It is not tried again for each cell.
        let arguments = folder.arguments("libstd-1.so", &["libx-1.rlib"]);
        let stubs = folder.path("session/link-stubs");
        let linker = || -> Command { panic!("a linker is called") };
        let crates = SharedCrates::of(&arguments, &stubs).unwrap();
        assert_eq!(crates.library(linker), None);
    }
}
