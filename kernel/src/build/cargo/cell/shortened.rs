//! A cell's file without what moves the variables that the cell does not name.
//!
//! evcxr takes every variable out of its store before a cell and puts it back behind it: two functions
//! for each type, compiled with every cell. A variable that the cell's text does not name is as well
//! left where it is; that its type is still the same is looked at for all.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::source::BODY;

/// What rustc says of a name that it does not know.
const UNKNOWN_NAME: &str = "E0425";

/// The file as evcxr meant it.
pub(super) struct Shortened {
    whole: String,
    /// The variables that stay in the store.
    left_out: HashSet<String>,
}

impl Shortened {
    /// Shortens the file of the cell in `folder`, if there is something to leave out.
    pub(super) fn write(folder: &Path) -> Result<Option<Self>> {
        let path = file(folder);
        let whole = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let (short, left_out) = shortened(&whole);
        if left_out.is_empty() {
            return Ok(None);
        }
        std::fs::write(&path, short).with_context(|| path.display().to_string())?;
        Ok(Some(Self { whole, left_out }))
    }

    /// Whether the cell uses what was left out: a macro can make a name that stands nowhere.
    pub(super) fn misses(&self, diagnostic: &Value) -> bool {
        let message = diagnostic["message"].as_str().unwrap_or_default();
        diagnostic["code"]["code"] == UNKNOWN_NAME
            && message.split('`').skip(1).step_by(2).any(|name| self.left_out.contains(name))
    }

    /// Writes the whole file again.
    pub(super) fn restore(&self, folder: &Path) -> Result<()> {
        let path = file(folder);
        std::fs::write(&path, &self.whole).with_context(|| path.display().to_string())
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("src/lib.rs")
}

/// The source with empty lines where a variable is moved that the cell does not name, and these
/// variables' names.
fn shortened(source: &str) -> (String, HashSet<String>) {
    let Some((function, body)) = places(source) else { return (source.to_owned(), HashSet::new()) };
    // In text and comments, too: `println!("{x}")` names a variable.
    let named: HashSet<&str> = source[body.clone()].split(|it| !is_word(it)).collect();
    let stays = |name: &&str| name.chars().all(is_word) && !named.contains(name);
    let of = |lines: &str, name: fn(&str) -> Option<&str>| -> HashSet<String> {
        lines.lines().filter_map(name).filter(stays).map(str::to_owned).collect()
    };
    // What is only taken out would be lost, what is only put back is not there.
    let taken = of(&source[function..body.start], taken);
    let left_out: HashSet<String> =
        of(&source[body.end..], put).intersection(&taken).cloned().collect();
    let without = |lines: &str, name: fn(&str) -> Option<&str>| -> String {
        let lines = lines.split_inclusive('\n');
        lines
            .map(|it| if name(it).is_some_and(|it| left_out.contains(it)) { "\n" } else { it })
            .collect()
    };
    let before = without(&source[function..body.start], self::taken);
    let after = without(&source[body.end..], put);
    let short = [&source[..function], &before, &source[body], &after].concat();
    (short, left_out)
}

/// Where the function of the cell begins, and the cell's own text in it.
fn places(source: &str) -> Option<(usize, Range<usize>)> {
    let function = source.rfind("pub extern \"C\" fn run_user_code")?;
    BODY.iter().find_map(|[(_, begin), (_, end)]| {
        let begin = function + source[function..].find(begin)?;
        let end = source.rfind(end)?;
        (begin < end).then_some((function, begin..end))
    })
}

fn is_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

/// The variable that a line takes out of evcxr's store.
fn taken(line: &str) -> Option<&str> {
    line.strip_prefix("let ")?;
    let (_, kind) = line.split_once(" = evcxr_variable_store.take_variable::<")?;
    kind.trim_end().strip_suffix("));")?.rsplit_once(">(stringify!(").map(|(_, name)| name)
}

/// The variable that a line puts back into it.
fn put(line: &str) -> Option<&str> {
    let kind = line.strip_prefix("evcxr_variable_store.put_variable::<")?;
    let (_, name) = kind.trim_end().strip_suffix(");")?.rsplit_once(">(stringify!(")?;
    name.split_once("), ").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A cell as evcxr writes it, with variables of these names.
    fn cell(names: &[&str], body: &str) -> String {
        let lines =
            |line: fn(&str) -> String| -> String { names.iter().map(|it| line(it)).collect() };
        let [(_, begin), (_, end)] = BODY[0];
        [
            "fn a() {}\npub extern \"C\" fn run_user_code_1(\n",
            &lines(|it| format!("vars_ok &= evcxr_variable_store.check_variable::<Vec<A>>(stringify!({it}));\n")),
            &lines(|it| format!("let mut {it} = evcxr_variable_store.take_variable::<Vec<A>>(stringify!({it}));\n")),
            "match std::panic::catch_unwind(", begin, body, end,
            &lines(|it| format!("evcxr_variable_store.put_variable::<Vec<A>>(stringify!({it}), {it});\n")),
            "evcxr_variable_store\n}\n",
        ]
        .concat()
    }

    fn left_out(names: &[&str], body: &str) -> Vec<String> {
        let source = cell(names, body);
        let (short, left_out) = shortened(&source);
        assert_eq!(short.lines().count(), source.lines().count());
        for name in names {
            let is_left_out = left_out.contains(*name);
            for call in ["take", "put"] {
                let has = short.lines().any(|line| {
                    line.contains(&format!("{call}_variable"))
                        && line.contains(&format!("stringify!({name})"))
                });
                assert_eq!(has, !is_left_out, "{call} {name} in {short}");
            }
            assert!(short.contains(&format!("check_variable::<Vec<A>>(stringify!({name}))")));
        }
        let mut left_out: Vec<String> = left_out.into_iter().collect();
        left_out.sort();
        left_out
    }

    #[test]
    fn what_the_cell_names_is_moved() {
        assert_eq!(left_out(&["a", "b", "ab"], "b.push(1);"), ["a", "ab"]);
        assert_eq!(left_out(&["a", "b"], "println!(\"{a} {b:?}\");"), [""; 0]);
        assert_eq!(left_out(&["a"], "let a = 1; // anew"), [""; 0]);
        assert_eq!(left_out(&["é", "r#type", "a"], "type_();"), ["a"]);
        // What the cell binds is put into the store within its body.
        let new = "let n = 1;\nevcxr_variable_store.put_variable::<i32>(stringify!(n), n);";
        assert_eq!(left_out(&["a"], new), ["a"]);
        assert!(shortened(&cell(&["a"], new)).0.contains(new));
    }

    #[test]
    fn a_variable_that_is_only_taken_or_only_put_back_stays_as_it_is() {
        for call in ["take", "put"] {
            let source = cell(&["a"], "1;");
            let lines = source
                .split_inclusive('\n')
                .filter(|line| !line.contains(&format!("{call}_variable")));
            let source: String = lines.collect();
            assert_eq!(shortened(&source), (source.clone(), HashSet::new()));
        }
    }

    #[test]
    fn a_file_of_another_form_stays_as_it_is() {
        for source in ["", "fn a() {}", "pub extern \"C\" fn run_user_code_1(\n", &cell(&[], "1;")]
        {
            assert_eq!(shortened(source), (source.to_owned(), HashSet::new()));
        }
    }

    #[test]
    fn a_name_that_a_macro_makes_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        let source = cell(&["ab"], "paste!([<a b>]);");
        std::fs::write(file(folder.path()), &source).unwrap();
        let shortened = Shortened::write(folder.path()).unwrap().unwrap();
        assert_ne!(std::fs::read_to_string(file(folder.path())).unwrap(), source);
        let unknown = |name: &str| json!({"code": {"code": "E0425"}, "message": format!("cannot find value `{name}` in this scope")});
        assert!(shortened.misses(&unknown("ab")) && !shortened.misses(&unknown("a")));
        assert!(!shortened.misses(&json!({"code": null, "message": "`ab`"})));
        shortened.restore(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(file(folder.path())).unwrap(), source);
    }
}
