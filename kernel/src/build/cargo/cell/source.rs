//! What is changed in the file that evcxr has written, just before it is compiled.
//!
//! Each change keeps the lines, by which errors are found again. What evcxr writes in another way
//! stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Where [`Dropped`] lies.
const FILE: &str = "target/dropped-variables.json";

/// Variables that the next cell must not read.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    /// Their types are no longer what they were.
    pub variables: Vec<String>,
    /// Those whose types would be others if a crate were compiled anew.
    pub by_crate: BTreeMap<String, Vec<String>>,
}

impl Dropped {
    fn read(folder: &Path) -> Self {
        let text = std::fs::read(folder.join(FILE)).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Tells the compilation of the next cell in `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        if *self != Self::read(folder) {
            let file = folder.join(FILE);
            std::fs::write(&file, serde_json::to_vec(self)?)
                .with_context(|| file.display().to_string())?;
        }
        Ok(())
    }
}

/// A failed `?` says where it stands.
const FROM: (&str, &str) = (
    "fn from(error: T) -> Self {",
    "#[track_caller] fn from(error: T) -> Self { { let at = ::std::panic::Location::caller(); \
     ::std::eprint!(\"\\u{1}TWOVIEWS-ERROR\\u{2}{}\\u{2}{}\\u{2}{}\\u{1}\", at.file(), at.line(), at.column()); }",
);
/// evcxr's own module in the file.
const RUNTIME: &str = "\nmod evcxr_internal_runtime {\n";
/// evcxr's store of variables, in that module. What does not depend on a variable's type is compiled once and not for each: that
/// is most of the time for a cell that binds one. A variable that is not in the store is one that is
/// lost, too, instead of the end of the process. The kernel says itself what was lost, and why; the value goes
/// with its own destructor.
const STORE: [(&str, &str); 5] = [
    (
        "impl VariableStore {",
        "impl VariableStore { \
         #[inline(never)] fn put(&mut self, name: &str, value: Box<dyn std::any::Any>) { \
         self.variables.insert(name.to_owned(), value); } \
         #[inline(never)] fn take(&mut self, name: &str) -> Option<Box<dyn std::any::Any>> { \
         self.variables.remove(name) } \
         #[inline(never)] fn loses(&mut self, name: &str, kind: std::any::TypeId) -> bool { \
         let is_there = self.variables.get(name).is_some_and(|it| std::any::Any::type_id(&**it) == kind); \
         if !is_there { drop(self.variables.remove(name)); println!(\"{VARIABLE_CHANGED_TYPE}{name}\"); } \
         !is_there }",
    ),
    (
        "self.variables.insert(name.to_owned(), Box::new(value));",
        "self.put(name, Box::new(value));",
    ),
    ("match self.variables.remove(name) {", "match self.take(name) {"),
    (
        "if let Some(v) = self.variables.get(name)\n            && v.downcast_ref::<T>().is_none()\n        {",
        "if self.loses(name, std::any::TypeId::of::<T>())\n\n        {",
    ),
    (
        "eprintln!(\"The type of the variable {name} was redefined, so was lost.\",);\n            \
         println!(\"{VARIABLE_CHANGED_TYPE}{name}\");",
        "\n            // `loses` has said it.",
    ),
];
/// Where the cell's body begins and ends, with and without variables: it runs in a function of its own.
pub(super) const BODY: [[(&str, &str); 2]; 2] = [
    [
        (
            "\n  std::panic::AssertUnwindSafe(||{\n",
            "\n  std::panic::AssertUnwindSafe(|| crate::__twoviews::body(||{\n",
        ),
        ("\n})) { \n", "\n}))) { \n"),
    ],
    [
        (
            "\nif std::panic::catch_unwind(||{\n",
            "\nif std::panic::catch_unwind(|| crate::__twoviews::body(||{\n",
        ),
        ("\n}).is_err() {\n", "\n})).is_err() {\n"),
    ],
];

/// Changes the file in `folder`; `anew` are the crates that were compiled since the last cell. Says
/// whether it is another file now.
pub(super) fn prepare(folder: &Path, anew: &[String]) -> Result<bool> {
    let path = folder.join("src/lib.rs");
    let source = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut dropped = Dropped::read(folder);
    for name in anew {
        dropped.variables.extend(dropped.by_crate.remove(name).unwrap_or_default());
    }
    let changed = changed(&source, &dropped.variables);
    if changed != source {
        std::fs::write(&path, &changed).with_context(|| path.display().to_string())?;
    }
    Ok(changed != source)
}

fn changed(source: &str, dropped: &[String]) -> String {
    let mut source = source.to_owned();
    if !source.contains(FROM.1) {
        source = source.replacen(FROM.0, FROM.1, 1);
    }
    if let Some(at) = source.rfind(RUNTIME) {
        let mut store = source.split_off(at);
        // All or nothing: the others call the first one's functions.
        if !store.contains(STORE[0].1) && STORE.iter().all(|(from, _)| store.contains(from)) {
            for (from, to) in STORE {
                store = store.replacen(from, to, 1);
            }
        }
        source += &store;
    }
    if source.contains("mod __twoviews ") {
        for [(begin, begins), (end, ends)] in BODY {
            if let Some(at) = source.rfind(begin)
                && let Some(after) = source[at..].rfind(end)
            {
                source.replace_range(at + after..at + after + end.len(), ends);
                source.replace_range(at..at + begin.len(), begins);
            }
        }
    }
    // rust-analyzer names a trait object's trait without its path.
    if source.contains("dyn Any") && !source.contains("trait Any") {
        let is_kept = |line: &str| {
            ["put_variable::<", "check_variable::<", "take_variable::<"]
                .iter()
                .any(|it| line.contains(it))
        };
        let lines = source.split_inclusive('\n');
        source = lines
            .map(|line| match is_kept(line) {
                true => line.replace("dyn Any", "dyn ::core::any::Any"),
                false => line.to_owned(),
            })
            .collect();
    }
    for name in dropped {
        // No variable has the type of the store itself.
        let end = format!(">(stringify!({name}));");
        let lines =
            source.split_inclusive('\n').map(|line| match line.split_once(".check_variable::<") {
                Some((head, tail)) if tail.trim_end().ends_with(&end) => {
                    format!("{head}.check_variable::<evcxr_internal_runtime::VariableStore{end}\n")
                }
                _ => line.to_owned(),
            });
        source = lines.collect();
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_keep_the_lines() {
        let store: Vec<&str> = STORE.iter().map(|(from, _)| *from).collect();
        let source = format!(
            "{}\nimpl VariableStore {{}}{RUNTIME}{}\nvars_ok &= evcxr_variable_store.check_variable::<Vec<A>>(stringify!(a));\n\
             vars_ok &= evcxr_variable_store.check_variable::<A>(stringify!(ba));\n",
            FROM.0,
            store.join("\n")
        );
        let new = changed(&source, &["a".to_owned()]);
        assert_eq!(new.lines().count(), source.lines().count());
        assert!(new.contains("<evcxr_internal_runtime::VariableStore>(stringify!(a))"), "{new}");
        assert!(new.contains("<A>(stringify!(ba))") && new.contains("track_caller"));
        assert!(STORE.iter().all(|(_, to)| new.contains(to)), "{new}");
        assert!(new.contains("impl VariableStore {}"), "a user's own");
        let other = source.replace(STORE[2].0, "match self.variables.get(name) {");
        assert!(STORE.iter().all(|(_, to)| !changed(&other, &[]).contains(to)), "all or nothing");
        assert_eq!(changed(&new, &["a".to_owned()]), new, "once");
        let any = "evcxr_variable_store.put_variable::<Box<dyn Any + Send>>(stringify!(a), a);\nlet x: Box<dyn Any>;\n";
        let new = changed(any, &[]);
        assert!(
            new.contains("<Box<dyn ::core::any::Any + Send>>") && new.contains(": Box<dyn Any>")
        );
        assert_eq!(changed(&new, &[]), new);
        for [(begin, _), (end, _)] in BODY {
            let source = format!("pub mod __twoviews {{}}{begin}a(){end}");
            let new = changed(&source, &[]);
            assert!(new.contains("body(||{\na()\n}))"), "{new}");
            assert_eq!(new.lines().count(), source.lines().count());
            assert_eq!(changed(&new, &[]), new);
        }
    }
}
