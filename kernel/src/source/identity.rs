//! When a type has become another one.
//!
//! evcxr compares types by their `TypeId`, which covers the names of a type's fields but not the types
//! of these: a variable of `struct Cfg { lr: f32 }` would be read as one of `struct Cfg { lr: f64 }`.
//! Here a type is what it depends on: the definitions that its name leads to, one by one, and the
//! compiled crates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use ra_ap_syntax::SyntaxKind;

use super::items::{self, Import, Item, identifiers};

/// Definitions by what they are called, each with a digest of its shape.
pub(crate) type Identity = BTreeMap<String, u64>;

/// Everything that names can lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definitions {
    named: HashMap<String, Item>,
    /// Blocks, each by its key.
    blocks: HashMap<usize, Item>,
    imports: HashMap<String, Import>,
    /// The compiled crates that cells can name, with what tells a crate's versions and features apart.
    pub crates: HashMap<String, String>,
}

impl Definitions {
    /// Nothing but crates.
    pub(crate) fn new(crates: HashMap<String, String>) -> Self {
        Self { crates, ..Self::default() }
    }

    /// A new definition takes the place of one of the same name.
    pub(crate) fn define(&mut self, name: &str, item: Item) {
        self.imports.remove(name);
        self.named.insert(name.to_owned(), item);
    }

    pub(crate) fn define_block(&mut self, key: usize, item: Item) {
        self.blocks.insert(key, item);
    }

    pub(crate) fn import(&mut self, import: Import) {
        if import.name != "*" && import.name != "_" {
            self.named.remove(&import.name);
            self.imports.insert(import.name.clone(), import);
        }
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.named.remove(name);
    }

    pub(crate) fn forget_block(&mut self, key: usize) {
        self.blocks.remove(&key);
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Item> {
        self.named.get(name)
    }

    /// What a type (or any other piece of Rust) depends on.
    pub(crate) fn identity(&self, text: &str) -> Identity {
        let mut identity = Identity::new();
        let (mut seen, mut blocks) = (BTreeSet::new(), BTreeSet::new());
        let mut next: Vec<String> = identifiers(text).map(str::to_owned).collect();
        loop {
            while let Some(name) = next.pop() {
                if !seen.insert(name.clone()) {
                    continue;
                }
                if name == "Any" {
                    // It may hold a value of any type.
                    next.extend(self.types().map(str::to_owned));
                }
                if let Some(item) = self.named.get(&name)
                    && let Some(shape) = &item.shape
                {
                    identity.insert(name.clone(), digest(shape));
                    next.extend(identifiers(shape).map(str::to_owned));
                }
                if let Some(import) = self.imports.get(&name) {
                    next.extend(import.path.first().cloned());
                }
                if let Some(version) = self.crates.get(&name) {
                    identity.insert(format!("crate {name}"), digest(version));
                }
            }
            for (key, block) in &self.blocks {
                if let Some(shape) = &block.shape
                    && self.concerns(&block.header, &seen)
                    && blocks.insert(*key)
                {
                    // Several blocks of a type may have the same header, in any order.
                    *identity.entry(block.title()).or_default() ^= digest(shape);
                    next.extend(identifiers(shape).map(str::to_owned));
                }
            }
            if next.is_empty() {
                break;
            }
        }
        identity
    }

    /// Whether a block belongs to what the names lead to: all of the cells' own types and traits that
    /// it joins are among them. `impl Mul<Wave> for f64` says nothing of an `f64` alone.
    fn concerns(&self, header: &str, seen: &BTreeSet<String>) -> bool {
        let joined = items::joined(header);
        let mut own = joined.iter().filter(|name| self.named.contains_key(**name)).peekable();
        if own.peek().is_some() {
            own.all(|name| seen.contains(*name))
        } else {
            joined.iter().any(|name| seen.contains(*name))
        }
    }

    fn types(&self) -> impl Iterator<Item = &str> {
        let is_type = |item: &Item| {
            matches!(item.kind, SyntaxKind::STRUCT | SyntaxKind::ENUM | SyntaxKind::UNION)
        };
        self.named.iter().filter(move |(_, item)| is_type(item)).map(|(name, _)| name.as_str())
    }
}

/// The first definition that is another one now; what has come to be defined since changes nothing.
pub(crate) fn changed<'a>(before: &'a Identity, now: &Identity) -> Option<&'a str> {
    let other = |(name, digest): &(&String, &u64)| now.get(*name) != Some(*digest);
    before.iter().find(other).map(|(name, _)| name.as_str())
}

/// One number for a whole identity.
pub(crate) fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    // Compared within one process only.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::{items::tests as cells, parse};
    use super::*;

    fn after(cells: &[&str]) -> Definitions {
        let mut all = Definitions::default();
        all.crates.insert("tch".to_owned(), "1".to_owned());
        for (i, cell) in cells.iter().enumerate() {
            let (items, imports) = cells::of_cell(&parse::Parsed::new(cell));
            for (item, _) in items {
                match item.name.clone() {
                    Some(name) => all.define(&name, item),
                    None => all.define_block(i, item),
                }
            }
            imports.into_iter().for_each(|import| all.import(import));
        }
        all
    }

    #[track_caller]
    fn check(kind: &str, before: &[&str], now: &[&str], expected: Option<&str>) {
        let (before, now) = (after(before).identity(kind), after(now).identity(kind));
        assert_eq!(changed(&before, &now), expected, "{kind}");
    }

    #[test]
    fn a_type_is_what_it_depends_on() {
        let (a, b) = ("struct A { x: f32 }", "struct A { x: f64 }");
        check("Vec<A>", &[a], &[a], None);
        check("Vec<A>", &[a], &[a, b], Some("A"));
        check("Vec<u8>", &[a], &[a, b], None);
        let holder = "struct H { a: Vec<A> }";
        check("Option<H>", &[a, holder], &[a, holder, b], Some("A"));
        check(
            "Box<dyn L>",
            &["trait L { fn f(&self, a: A); }", a],
            &["trait L { fn f(&self, a: A); }", b],
            Some("A"),
        );
        check(
            "S",
            &["const N: usize = 1; struct S([f32; N]);"],
            &["const N: usize = 2; struct S([f32; N]);"],
            Some("N"),
        );
        let outer = ["trait T { type O; } struct F; struct W { x: <F as T>::O }"];
        let (one, two) = ("impl T for F { type O = u8; }", "impl T for F { type O = u64; }");
        check("W", &[outer[0], one], &[outer[0], two], Some("impl T for F"));
        check("Box<dyn std::any::Any>", &[a], &[b], Some("A"));
        check("A", &[a], &[a, "impl A { fn f(&self) {} }", "struct C;"], None);
    }

    #[test]
    fn a_block_concerns_those_types_that_it_joins() {
        let own = "struct V { x: f64 }";
        let (one, two) = (
            "impl std::ops::Mul<V> for f64 { type Output = V; }",
            "impl std::ops::Mul<V> for f64 { type Output = f64; }",
        );
        for kind in ["f64", "std::rc::Rc<u8>", "Vec<f64>"] {
            check(kind, &[own, one], &[own, two], None);
        }
        check("(f64, V)", &[own, one], &[own, two], Some("impl std::ops::Mul<V> for f64"));
        // Through a block for all types of a trait.
        let traits = "struct L; trait Net { type Out; } trait Other { type O; } \
                      impl<T: Net> Other for T { type O = T::Out; } struct K<X: Other> { o: X::O }";
        let (one, two) =
            ("impl Net for L { type Out = u8; }", "impl Net for L { type Out = i64; }");
        check("K<L>", &[traits, one], &[traits, two], Some("impl Net for L"));
        // Iterators of the standard library keep items without naming them.
        let own = "struct C;";
        let (one, two) =
            ("impl Iterator for C { type Item = u8; }", "impl Iterator for C { type Item = u64; }");
        let kind = "std::iter::Peekable<C>";
        check(kind, &[own, one], &[own, two], Some("impl Iterator for C"));
    }

    #[test]
    fn what_changes_nothing_in_memory_is_no_change() {
        for (one, two) in [
            ("struct A { x: u8 }", "pub struct A {\n    /// Doc.\n    x: u8,\n}"),
            ("struct A(u8, u16);", "pub(crate) struct A(u8, u16,);"),
            ("enum A { B, C(u8) }", "enum A { B, C(u8,), }"),
            ("struct A<T, U> { x: Vec<(T, U)> }", "struct A<T, U,> { x: Vec<(T, U)>, }"),
        ] {
            check("A", &[one], &[two], None);
        }
        check("A", &["struct A((u8,));"], &["struct A((u8));"], Some("A"));
        for other in ["struct A { y: u8 }", "struct A { pub x: u8 }"] {
            check("A", &["struct A { x: u8 }"], &[other], Some("A"));
        }
    }

    #[test]
    fn a_crate_that_was_compiled_anew_has_other_types() {
        let cells = ["use tch::Tensor;", "struct M { w: Tensor }"];
        let before = after(&cells);
        let mut now = before.clone();
        assert_eq!(changed(&before.identity("M"), &now.identity("M")), None);
        now.crates.insert("tch".to_owned(), "2".to_owned());
        assert_eq!(changed(&before.identity("M"), &now.identity("M")), Some("crate tch"));
        assert_eq!(changed(&before.identity("u8"), &now.identity("u8")), None);
    }
}
