//! Spares a cell's linker the symbols of large shared libraries.
//!
//! A linker reads all names that a shared library exports: for libtorch that is a quarter of a million,
//! and an eighth of the time of a small cell. It does not need them, since names that stay open in
//! a shared library are looked up when it is loaded. So cells are linked with an empty library of the
//! same name, which has the real one loaded.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use object::read::elf::{Dyn, FileHeader, SectionHeader};
use object::{Endianness, ReadCache, ReadRef, elf};
use serde::{Deserialize, Serialize};

/// Smaller libraries cost nothing to read.
const LARGE: u64 = 16 << 20;
/// Where [`Stubs`] lie, in their folder.
const LIST: &str = "stubs.json";

/// The stubs for the libraries that the last cell was linked with. They last as long as the session:
/// whoever does not use a library shall not have it loaded.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stubs {
    folder: PathBuf,
    /// By the names of their files; the libraries as they were.
    libraries: BTreeMap<String, Library>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Library {
    path: PathBuf,
    size: u64,
    changed: Option<SystemTime>,
}

impl Stubs {
    /// Those in `folder`.
    pub(super) fn read(folder: PathBuf) -> Self {
        let text = fs::read(folder.join(LIST)).ok();
        let stubs = text.and_then(|text| serde_json::from_slice(&text).ok());
        stubs.unwrap_or(Self { folder, ..Self::default() })
    }

    /// Where they lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What rustc is told before all else, and at the end.
    pub(super) fn arguments(&self) -> (Option<String>, Vec<String>) {
        let folder = self.folder.to_string_lossy();
        let search = (!self.libraries.is_empty()).then(|| format!("-Lnative={folder}"));
        // Names that stay open do not make a library needed.
        let link = |file: &String| {
            let stub = self.folder.join(file).to_string_lossy().into_owned();
            ["-Wl,--push-state,--no-as-needed".to_owned(), stub, "-Wl,--pop-state".to_owned()]
        };
        let link = self.libraries.keys().flat_map(link);
        (search, link.map(|it| format!("-Clink-arg={it}")).collect())
    }

    /// Makes those that the next cell needs: `called` are the linker's arguments for the last one, as
    /// rustc prints them, and `searched` the folders of libraries, in their order.
    pub(super) fn renew(&self, called: &str, searched: &[&Path]) {
        let names = called.split('"').filter_map(|argument| argument.strip_prefix("-l"));
        let libraries: BTreeMap<String, Library> = names
            .filter_map(|name| {
                let file = format!("lib{name}.so");
                let found = |folder: &&Path| {
                    let path = folder.join(&file);
                    let data = fs::metadata(&path).ok()?;
                    Some(Library { path, size: data.len(), changed: data.modified().ok() })
                };
                let library = searched.iter().find_map(found)?;
                (library.size >= LARGE).then_some((file, library))
            })
            .collect();
        if libraries == self.libraries {
            return;
        }
        let _ = fs::remove_dir_all(&self.folder);
        let made =
            |file: &str, it: &Library| make_stub(&it.path, &self.folder.join(file)).is_some();
        if libraries.iter().all(|(file, library)| made(file, library)) && !libraries.is_empty() {
            let stubs = Self { folder: self.folder.clone(), libraries };
            let _ = serde_json::to_vec(&stubs).map(|text| fs::write(self.folder.join(LIST), text));
        }
    }
}

/// `None` if that cannot be done here.
fn make_stub(library: &Path, stub: &Path) -> Option<()> {
    stub.to_str()?;
    fs::create_dir_all(stub.parent()?).ok()?;
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-nostdlib", "-o"]).arg(stub);
    if let Some(name) = loaded_name(library)? {
        cc.args(["-Xlinker", "-soname", "-Xlinker", &name]);
    }
    cc.args(["-x", "c", "/dev/null"]).stdout(Stdio::null()).stderr(Stdio::null());
    cc.status().ok()?.success().then_some(())
}

/// The name under which a library is loaded, if it is not that of its file. `None` if it is not a shared
/// library.
fn loaded_name(library: &Path) -> Option<Option<String>> {
    let data = ReadCache::new(File::open(library).ok()?);
    name_in::<elf::FileHeader64<Endianness>, _>(&data)
}

fn name_in<'a, H: FileHeader, R: ReadRef<'a>>(data: R) -> Option<Option<String>> {
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let (entries, strings) =
        sections.iter().find_map(|section| section.dynamic(endian, data).ok().flatten())?;
    let strings = sections.strings(endian, data, strings).ok()?;
    let name = entries.iter().find(|entry| entry.d_tag(endian) == elf::DT_SONAME);
    Some(name.and_then(|it| Some(String::from_utf8_lossy(it.string(endian, strings).ok()?).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(path: &Path, more: &[&str]) {
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-o"]).arg(path).args(more).args(["-x", "c", "/dev/null"]);
        assert!(cc.status().unwrap().success());
    }

    #[test]
    fn a_stub_has_the_name_under_which_its_library_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        library(&path("liba.so"), &["-Wl,-soname,liba.so.7"]);
        library(&path("libb.so"), &[]);
        fs::write(path("libc.so"), "GROUP ( libc.so.6 )").unwrap();
        for (file, name) in
            [("liba.so", Some(Some("liba.so.7"))), ("libb.so", Some(None)), ("libc.so", None)]
        {
            let expected = name.map(|it| it.map(str::to_owned));
            assert_eq!(loaded_name(&path(file)), expected, "{file}");
            let stub = path(&format!("stub-{file}"));
            assert_eq!(make_stub(&path(file), &stub).is_some(), expected.is_some(), "{file}");
            if expected.is_some() {
                assert_eq!(loaded_name(&stub), expected, "{file}");
            }
        }
    }

    #[test]
    fn only_large_libraries_get_one() {
        let folder = tempfile::tempdir().unwrap();
        let libraries = folder.path().join("lib");
        fs::create_dir(&libraries).unwrap();
        let path = |name: &str| libraries.join(format!("lib{name}.so"));
        for name in ["small", "large", "other"] {
            library(&path(name), &[]);
        }
        let resize = |name: &str, size| {
            File::options().write(true).open(path(name)).unwrap().set_len(size).unwrap();
        };
        resize("large", LARGE);
        resize("other", LARGE);
        let place = folder.path().join("stubs");
        let read = || Stubs::read(place.clone());
        let none = folder.path().join("none");
        let called = r#"LC_ALL="C" "cc" "-lsmall" "-llarge" "-llarge" "-lmissing" "-o" "a b.so""#;
        assert_eq!(read().arguments(), (None, vec![]));
        read().renew(called, &[&none, &libraries]);
        let (search, link) = read().arguments();
        assert_eq!(search, Some(format!("-Lnative={}", place.display())));
        assert_eq!(link.len(), 3);
        assert!(place.join("liblarge.so").is_file() && !place.join("libother.so").exists());
        // Another library is another stub.
        fs::remove_file(place.join("liblarge.so")).unwrap();
        read().renew(called, &[&libraries]);
        assert!(!place.join("liblarge.so").exists(), "as it was");
        resize("large", LARGE + 1);
        read().renew(called, &[&libraries]);
        assert!(place.join("liblarge.so").exists());
        // A session that no longer links with it does not load it.
        read().renew(r#""cc" "-lsmall""#, &[&libraries]);
        assert_eq!(read().arguments(), (None, vec![]));
        assert!(!place.exists());
    }
}
