//! What lies in an object under which name: dicts, lists, their subclasses, and whole modules.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::pickle::{Node, Object, Pickle, Value};

type Items<'a> = Cow<'a, [(Value, Value)]>;

/// One step of a name.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    Text(&'a str),
    Number(i128),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// What `torch.compile` makes of a module, and the name under which it keeps the original.
const COMPILED: (&str, &str) = ("torch._dynamo.eval_frame.OptimizedModule", "_orig_mod");

/// Whether [`children`] are a question for this value.
pub(super) fn is_container(pickle: &Pickle, value: Value) -> bool {
    module(pickle, value).is_some()
        || compiled(pickle, value).is_some()
        || mapping(pickle, value).is_some()
        || elements(pickle, value).is_some()
}

/// What the value holds by name or number, without the numbers and texts among it, and how many
/// values were looked at.
pub(super) fn children(pickle: &Pickle, value: Value) -> (Vec<(Key<'_>, Value)>, usize) {
    let content = |value: &Value| {
        let node = pickle.node(*value);
        matches!(node, Some(Node::List(_) | Node::Tuple(_) | Node::Dict(_) | Node::Object(_)))
    };
    let named = |items: &[(Value, Value)]| -> Vec<_> {
        let items = items.iter().filter(|(_, value)| content(value));
        items.filter_map(|&(name, value)| Some((key(pickle, name)?, value))).collect()
    };
    let attributes = pickle.object(value).and_then(|object| attributes(pickle, object));
    let attributes = attributes.map_or(0, <[_]>::len);
    if let Some(parts) = module(pickle, value) {
        return (named(&parts), parts.len() + attributes);
    }
    if let Some(original) = compiled(pickle, value) {
        return (vec![(Key::Text(COMPILED.1), original)], attributes);
    }
    if let Some(items) = mapping(pickle, value) {
        return (named(&items), items.len() + attributes);
    }
    let elements = elements(pickle, value).unwrap_or_default();
    let numbered = elements.iter().enumerate().filter(|(_, value)| content(value));
    let numbered = numbered.map(|(index, &value)| (Key::Number(index as i128), value));
    (numbered.collect(), elements.len() + attributes)
}

/// The names of what a dict holds.
pub(super) fn keys(pickle: &Pickle, value: Value) -> Vec<String> {
    let items = mapping(pickle, value).unwrap_or_default();
    items.iter().filter_map(|&(name, _)| Some(key(pickle, name)?.to_string())).collect()
}

/// What a dict holds under a text.
pub(super) fn item(pickle: &Pickle, value: Value, name: &str) -> Option<Value> {
    let items = mapping(pickle, value)?;
    let found = items.iter().rev().find(|(key, _)| pickle.text(*key) == Some(name));
    found.map(|&(_, value)| value)
}

/// The items of a dict, of a subclass of dict, or of a TorchScript module.
fn mapping(pickle: &Pickle, value: Value) -> Option<Items<'_>> {
    let object = match pickle.node(value)? {
        Node::Dict(items) => return Some(items.into()),
        Node::Object(object) => object,
        _ => return None,
    };
    if !object.items.is_empty() {
        return Some(object.items.as_slice().into());
    }
    let class = pickle.global(object.class)?;
    let arguments = pickle.sequence(object.arguments).unwrap_or_default();
    match class {
        "collections.OrderedDict" | "collections.defaultdict" | "collections.Counter" => {
            Some(arguments.iter().find_map(|&items| pairs(pickle, items)).unwrap_or_default())
        }
        "copyreg._reconstructor" | "copy_reg._reconstructor" => {
            arguments.get(2).and_then(|&items| pairs(pickle, items))
        }
        _ if class.starts_with("__torch__.") => {
            attributes(pickle, object).map(|items| items.into())
        }
        _ => None,
    }
}

/// A dict, or a list of pairs.
fn pairs(pickle: &Pickle, value: Value) -> Option<Items<'_>> {
    if let Some(Node::Dict(items)) = pickle.node(value) {
        return Some(items.into());
    }
    let pair = |&pair: &Value| match pickle.sequence(pair)? {
        [key, value] => Some((*key, *value)),
        _ => None,
    };
    pickle.sequence(value)?.iter().map(pair).collect::<Option<Vec<_>>>().map(Cow::Owned)
}

/// The elements of a list or tuple, or of a subclass of list.
fn elements(pickle: &Pickle, value: Value) -> Option<&[Value]> {
    match pickle.node(value)? {
        Node::List(values) | Node::Tuple(values) => Some(values),
        Node::Object(object) if !object.elements.is_empty() => Some(&object.elements),
        _ => None,
    }
}

fn attributes<'a>(pickle: &'a Pickle, object: &Object) -> Option<&'a [(Value, Value)]> {
    match pickle.node(object.state)? {
        Node::Dict(items) => Some(items),
        _ => None,
    }
}

/// The parameters, buffers and parts of an `nn.Module`, as its `state_dict()` names them.
fn module(pickle: &Pickle, value: Value) -> Option<Vec<(Value, Value)>> {
    let attributes = attributes(pickle, pickle.object(value)?)?;
    let attribute = |name: &str| {
        let found = attributes.iter().rev().find(|(key, _)| pickle.text(*key) == Some(name));
        found.map(|&(_, value)| value)
    };
    let parts = |name: &str| mapping(pickle, attribute(name)?);
    let (parameters, modules) = (parts("_parameters")?, parts("_modules")?);
    let buffers = parts("_buffers").unwrap_or_default();
    let left_out = attribute("_non_persistent_buffers_set");
    let left_out = left_out.map(|names| set(pickle, names)).unwrap_or_default();
    let buffers = buffers
        .iter()
        .filter(|(name, _)| pickle.text(*name).is_none_or(|name| !left_out.contains(name)));
    Some(parameters.iter().chain(buffers).chain(modules.iter()).copied().collect())
}

fn compiled(pickle: &Pickle, value: Value) -> Option<Value> {
    let object = pickle.object(value)?;
    let is_compiled = pickle.global(object.class) == Some(COMPILED.0);
    pickle.sequence(object.arguments).filter(|_| is_compiled)?.first().copied()
}

/// The texts of a set, which protocols before 4 write as `set([...])`.
fn set(pickle: &Pickle, value: Value) -> HashSet<&str> {
    let values = match pickle.object(value) {
        Some(object) => pickle.sequence(object.arguments).and_then(|a| a.first()).copied(),
        None => Some(value),
    };
    let values = values.and_then(|values| pickle.sequence(values)).unwrap_or_default();
    values.iter().filter_map(|&value| pickle.text(value)).collect()
}

fn key(pickle: &Pickle, value: Value) -> Option<Key<'_>> {
    let text = pickle.text(value).map(Key::Text);
    text.or_else(|| pickle.int(value).map(Key::Number))
}
