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
/// A variable that is not in the store is one that is lost, too, instead of the end of the process.
const CHECK: (&str, &str) = (
    "if let Some(v) = self.variables.get(name)\n            && v.downcast_ref::<T>().is_none()\n        {",
    "if self.variables.get(name).is_none_or(|v| v.downcast_ref::<T>().is_none())\n\n        {",
);
/// The kernel says itself what was lost, and why; the value goes with its own destructor.
const LOST: (&str, &str) = (
    "eprintln!(\"The type of the variable {name} was redefined, so was lost.\",);",
    "drop(self.variables.remove(name));",
);
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
    for (from, to) in [FROM, CHECK, LOST] {
        if !source.contains(to) {
            source = source.replacen(from, to, 1);
        }
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
        let source = format!(
            "{}\n{}\n{}\nvars_ok &= evcxr_variable_store.check_variable::<Vec<A>>(stringify!(a));\n\
             vars_ok &= evcxr_variable_store.check_variable::<A>(stringify!(ba));\n",
            FROM.0, CHECK.0, LOST.0
        );
        let new = changed(&source, &["a".to_owned()]);
        assert_eq!(new.lines().count(), source.lines().count());
        assert!(new.contains("<evcxr_internal_runtime::VariableStore>(stringify!(a))"), "{new}");
        assert!(new.contains("<A>(stringify!(ba))") && new.contains("track_caller"));
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
