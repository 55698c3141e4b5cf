//! What a pickle describes.

/// One value: small ones themselves, others by their place in [`Pickle`], so that shared and
/// circular objects cost nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Value {
    None,
    Bool(bool),
    Int(i32),
    /// A float, bytes or anything else of which nobody asks the content.
    Scalar,
    Node(u32),
}

/// A value with content.
#[derive(Debug)]
pub(in crate::weights) enum Node {
    /// An integer that `Value::Int` cannot hold.
    Long(i128),
    Text(Box<str>),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A class or function, `module.name`.
    Global(Box<str>),
    /// What the file keeps outside of the pickle, such as a tensor's storage.
    Persistent(Value),
    Object(Box<Object>),
}

/// An object of any class.
#[derive(Debug)]
pub(in crate::weights) struct Object {
    /// The class, or the function that would make the object.
    pub(in crate::weights) class: Value,
    pub(in crate::weights) arguments: Value,
    /// What `__setstate__` or `__dict__` would be given.
    pub(in crate::weights) state: Value,
    /// What was set by key, as in subclasses of `dict`.
    pub(in crate::weights) items: Vec<(Value, Value)>,
    /// What was appended, as in subclasses of `list` and `set`.
    pub(in crate::weights) elements: Vec<Value>,
}

/// The objects of a pickle, and the one that it was made of.
#[derive(Debug)]
pub(in crate::weights) struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(in crate::weights) root: Value,
    /// Its memory, in values.
    pub(in crate::weights) size: usize,
}

impl Pickle {
    pub(in crate::weights) fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(index) => self.nodes.get(index as usize),
            _ => None,
        }
    }

    /// What the file keeps outside of the pickle.
    pub(in crate::weights) fn persistent_ids(&self) -> impl Iterator<Item = Value> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Persistent(id) => Some(*id),
            _ => None,
        })
    }

    pub(in crate::weights) fn text(&self, value: Value) -> Option<&str> {
        match self.node(value) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// `module.name` of a class or function.
    pub(in crate::weights) fn global(&self, value: Value) -> Option<&str> {
        match self.node(value)? {
            Node::Global(name) => Some(name),
            // The format before PyTorch 1.6 adds the source of a module's class.
            Node::Persistent(id) => match *self.sequence(*id)? {
                [kind, class, ..] if self.text(kind) == Some("module") => match self.node(class)? {
                    Node::Global(name) => Some(name),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    pub(in crate::weights) fn int(&self, value: Value) -> Option<i128> {
        match (value, self.node(value)) {
            (Value::Int(int), _) => Some(int.into()),
            (_, Some(Node::Long(int))) => Some(*int),
            _ => None,
        }
    }

    pub(in crate::weights) fn sequence(&self, value: Value) -> Option<&[Value]> {
        match self.node(value) {
            Some(Node::List(values) | Node::Tuple(values)) => Some(values),
            _ => None,
        }
    }

    pub(in crate::weights) fn object(&self, value: Value) -> Option<&Object> {
        match self.node(value) {
            Some(Node::Object(object)) => Some(object),
            _ => None,
        }
    }
}
