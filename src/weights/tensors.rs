//! From the objects of a pickle to tensors by name.

use std::collections::BTreeMap;

use super::fault::{Fault, Outcome};
use super::layout::{ByteRange, Entry};
use super::modules;
use super::pickle::{Node, Pickle, Value};
use super::rebuild::Rebuilder;

/// Python itself cannot write objects that lie deeper in one another.
const MAX_DEPTH: usize = 500;
/// Objects that hold one another in many ways have exponentially many names. Real ones have a few
/// for each: so many bytes of names and looks at a value, and so many more for each value.
const MAX_NAMES: (usize, usize) = (4 << 20, 64);
const MAX_VISITS: (usize, usize) = (1 << 20, 8);
/// What is kept about a tensor beside its name.
const ENTRY: usize = 256;

const SAVE_STATE_DICT: &str = "Save the model's state_dict() with torch.save";

/// The tensors that a pickle holds by name, and where their bytes are.
#[derive(Default)]
pub(super) struct Tensors {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) storages: Vec<ByteRange>,
}

/// Finds what belongs to a state dict: what is under `state_dict` if there is such a key, as in a
/// Lightning file, and else everything, the keys of nested dicts and lists joined with dots.
///
/// A module that was pickled whole has the names of its `state_dict()`. `locate` says where a
/// storage is.
pub(super) fn named_tensors(
    pickle: &Pickle,
    locate: &mut dyn FnMut(&str) -> Outcome<ByteRange>,
) -> Outcome<Tensors> {
    let root = modules::item(pickle, pickle.root, "state_dict")
        .filter(|&value| modules::is_container(pickle, value))
        .unwrap_or(pickle.root);
    if !modules::is_container(pickle, root) {
        return Err(no_names(pickle));
    }
    let mut walk = Walk {
        pickle,
        rebuilder: Rebuilder::new(pickle, locate),
        entries: BTreeMap::new(),
        path: Vec::new(),
        visits: 0,
        names: 0,
    };
    walk.visit(root, "")?;
    let mut keys = modules::keys(pickle, root);
    if walk.entries.is_empty() && !keys.is_empty() {
        keys.truncate(8);
        return Err(Fault::new(
            format!("it holds no tensors by name; its keys are {}", keys.join(", ")),
            SAVE_STATE_DICT,
        ));
    }
    Ok(Tensors { entries: walk.entries, storages: walk.rebuilder.storages })
}

fn no_names(pickle: &Pickle) -> Fault {
    let what = match pickle.node(pickle.root) {
        Some(Node::Object(object)) => match pickle.global(object.class) {
            Some(class) if class.contains("_rebuild_") => "one tensor without a name".to_owned(),
            Some(class) => format!("an object of the class {class} and no tensors by name"),
            None => "an object and no tensors by name".to_owned(),
        },
        Some(Node::Persistent(_)) => "one storage without a name".to_owned(),
        _ => "one value and no tensors by name".to_owned(),
    };
    Fault::new(format!("it holds {what}"), SAVE_STATE_DICT)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    rebuilder: Rebuilder<'a>,
    entries: BTreeMap<String, Entry>,
    /// What the visited value lies in.
    path: Vec<u32>,
    visits: usize,
    names: usize,
}

impl Walk<'_> {
    fn visit(&mut self, value: Value, name: &str) -> Outcome<()> {
        let Value::Node(index) = value else { return Ok(()) };
        self.visits += 1;
        let allowed = |(base, each): (usize, usize)| base + each * self.pickle.size;
        let often = self.visits > allowed(MAX_VISITS) || self.names > allowed(MAX_NAMES);
        if often || self.path.len() > MAX_DEPTH {
            return Err(Fault::limit("its objects lie in one another too deep or too often"));
        }
        // An object that holds itself has no end of names.
        if self.path.contains(&index) {
            return Ok(());
        }
        if let Some(entry) = self.rebuilder.tensor(value, name)? {
            self.names += name.len() + ENTRY;
            self.entries.insert(name.to_owned(), entry);
            return Ok(());
        }
        self.path.push(index);
        let (children, looked_at) = modules::children(self.pickle, value);
        self.visits += looked_at;
        for (key, child) in children {
            let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
            self.visit(child, &name)?;
        }
        self.path.pop();
        Ok(())
    }
}
