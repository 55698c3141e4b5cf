//! The order of proposals: what the user wrote first, what is there anyway last.

use std::collections::HashSet;

use evcxr::CommandContext;
use ra_ap_syntax::Edition;
use ra_ap_syntax::ast::{self, AstNode, HasName, SourceFile};

use super::Proposal;
use super::query::{Preceding, Query};
use crate::source::tokens::{BODY, tokens, without_commands};

/// Methods of the standard library's traits that nearly every type has.
const EVERYWHERE: [&str; 23] = [
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "cmp",
    "default",
    "eq",
    "extend",
    "fmt",
    "from",
    "from_iter",
    "ge",
    "gt",
    "hash",
    "into",
    "into_iter",
    "le",
    "lt",
    "ne",
    "partial_cmp",
    "to_owned",
    "try_from",
    "try_into",
];
/// Of `Ord`, but of numbers, too.
const OF_NUMBERS: [&str; 3] = ["clamp", "max", "min"];
/// What every program sees without a word.
const PRELUDE: [&str; 72] = [
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
    "align_of",
    "align_of_val",
    "alloc",
    "bool",
    "char",
    "core",
    "drop",
    "f128",
    "f16",
    "f32",
    "f64",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "isize",
    "size_of",
    "size_of_val",
    "std",
    "str",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "usize",
];

/// What is known about names, to order them.
pub(super) struct Ranks {
    preceding: Preceding,
    /// Variables, and names of this cell.
    near: HashSet<String>,
    /// Items of cells.
    items: HashSet<String>,
    fields: HashSet<String>,
    /// Methods that only traits of the cells have.
    of_traits: HashSet<String>,
    /// Numbers' own methods, where they are that.
    of_numbers: bool,
}

/// Smaller is earlier.
pub(super) type Rank = (u8, bool, String, String);

impl Ranks {
    pub(super) fn of(
        context: &CommandContext,
        code: &str,
        query: &Query,
        found: &[Proposal],
    ) -> Self {
        let rust = without_commands(code);
        let mut near: HashSet<String> = tokens(&rust)
            .iter()
            .filter(|token| token.is_word() && token.range != query.word)
            .map(|token| token.text(&rust).to_owned())
            .collect();
        near.extend(context.variables_and_types().map(|(name, _)| name.to_owned()));
        let items = context.defined_item_names().map(str::to_owned).collect();
        let mut members = Members::default();
        if matches!(query.preceding, Preceding::Dot | Preceding::Path) {
            // What evcxr has just asked rust-analyzer about: all items of all cells.
            members.read(&context.last_source().unwrap_or_default());
            members.read(&format!("{BODY}{rust}\n}}"));
        }
        let of_traits = members.of_traits.difference(&members.inherent).cloned().collect();
        let at = |name: &str| found.iter().position(|one| one.label.starts_with(name));
        // Before those of every type come a type's own.
        let of_numbers =
            at("max(").is_some_and(|max| at("try_into(").is_none_or(|into| max < into));
        Self {
            preceding: query.preceding,
            near,
            items,
            fields: members.fields,
            of_traits,
            of_numbers,
        }
    }

    pub(super) fn rank(&self, text: &str, kind: &str) -> Rank {
        let name = text.trim_end_matches('!');
        let keyword = kind == "keyword" || text == "macro_rules!";
        let rank = match self.preceding {
            _ if keyword => 9,
            Preceding::Dot | Preceding::Path => {
                let number = name.starts_with(|c: char| c.is_ascii_digit());
                let everywhere = EVERYWHERE.contains(&name)
                    || OF_NUMBERS.contains(&name) && !self.of_numbers
                    || self.of_traits.contains(name);
                match kind {
                    "instance" if number || self.fields.contains(name) => 0,
                    "function" if everywhere => 2,
                    _ => 1,
                }
            }
            _ if PRELUDE.contains(&name) => 8,
            _ if kind == "instance" && self.near.contains(name) => 0,
            _ if self.items.contains(name) || self.near.contains(text) => 1,
            _ if kind == "instance" => 2,
            _ => 3,
        };
        (rank, name.starts_with('_'), name.to_lowercase(), text.to_owned())
    }
}

/// The members of the types and traits in some code.
#[derive(Default)]
struct Members {
    fields: HashSet<String>,
    of_traits: HashSet<String>,
    inherent: HashSet<String>,
}

impl Members {
    fn read(&mut self, code: &str) {
        let file = SourceFile::parse(code, Edition::Edition2024).tree();
        for node in file.syntax().descendants() {
            if let Some(name) = ast::RecordField::cast(node.clone()).and_then(|field| field.name())
            {
                self.fields.insert(name.text().to_string());
            } else if let Some(name) =
                ast::Fn::cast(node.clone()).and_then(|function| function.name())
                && let Some(around) = node.parent().and_then(|list| list.parent())
            {
                let name = name.text().to_string();
                match ast::Impl::cast(around.clone()).map(|block| block.trait_().is_some()) {
                    Some(false) => self.inherent.insert(name),
                    _ if ast::Trait::can_cast(around.kind()) => self.of_traits.insert(name),
                    _ => continue,
                };
            }
        }
    }
}
