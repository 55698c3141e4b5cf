//! From the objects of a pickle to tensors by name.

use std::collections::{BTreeMap, HashMap};

use tch::Kind;

use super::element::ElementType;
use super::fault::{Fault, Outcome};
use super::layout::{self, Entry, Layout};
use super::modules;
use super::pickle::{Node, Pickle, Value};
use super::storage::Place;

/// Python itself cannot write objects that lie deeper in one another.
const MAX_DEPTH: usize = 500;
/// Objects that hold one another in many ways have exponentially many names. Real ones have a few
/// for each object: so many bytes of names, and visits, besides those for each object.
const MAX_NAMES: (usize, usize) = (4 << 20, 256);
const MAX_VISITS: (usize, usize) = (1 << 20, 64);
/// What is kept about a tensor beside its name.
const ENTRY: usize = 256;

const SAVE_STATE_DICT: &str = "Save the model's state_dict() with torch.save";
/// How a pickle names a storage: `("storage", class, key, device, size[, view])`.
pub(super) struct StorageId<'a> {
    pub(super) key: &'a str,
    /// `None` for a storage of bytes.
    pub(super) element: Option<ElementType>,
    /// Where a view into the storage begins, in elements.
    offset: i128,
}

impl<'a> StorageId<'a> {
    pub(super) fn new(pickle: &'a Pickle, id: Value) -> Option<Self> {
        let fields = pickle.sequence(id)?;
        let [kind, class, key, ..] = *fields else { return None };
        if pickle.text(kind) != Some("storage") {
            return None;
        }
        let offset = match fields.get(5).and_then(|&view| pickle.sequence(view)) {
            Some([_, offset, ..]) => pickle.int(*offset)?,
            _ => 0,
        };
        let element = ElementType::of_storage(pickle.global(class)?);
        Some(Self { key: pickle.text(key)?, element, offset })
    }
}

/// The tensors that a pickle holds by name, and where their bytes are.
#[derive(Default)]
pub(super) struct Tensors {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) places: Vec<Place>,
}

/// Finds what belongs to a state dict: what is under `state_dict` if there is such a key, as in a
/// Lightning file, and else everything, the keys of nested dicts and lists joined with dots.
///
/// A module that was pickled whole has the names of its `state_dict()`. `locate` says where a
/// storage is.
pub(super) fn named_tensors(
    pickle: &Pickle,
    locate: &mut dyn FnMut(&str) -> Outcome<Place>,
) -> Outcome<Tensors> {
    let root = modules::item(pickle, pickle.root, "state_dict")
        .filter(|&value| modules::is_container(pickle, value))
        .unwrap_or(pickle.root);
    if !modules::is_container(pickle, root) {
        return Err(no_names(pickle));
    }
    let mut walk = Walk {
        pickle,
        locate,
        tensors: Tensors::default(),
        keys: HashMap::new(),
        path: Vec::new(),
        visits: 0,
        names: 0,
    };
    walk.visit(root, "")?;
    let mut keys = modules::keys(pickle, root);
    if walk.tensors.entries.is_empty() && !keys.is_empty() {
        keys.truncate(8);
        return Err(Fault::new(
            format!("it holds no tensors by name; its keys are {}", keys.join(", ")),
            SAVE_STATE_DICT,
        ));
    }
    Ok(walk.tensors)
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
    locate: &'a mut dyn FnMut(&str) -> Outcome<Place>,
    tensors: Tensors,
    /// Places of the storages that were already met.
    keys: HashMap<String, usize>,
    /// What the visited value lies in.
    path: Vec<u32>,
    visits: usize,
    names: usize,
}

impl Walk<'_> {
    fn visit(&mut self, value: Value, name: &str) -> Outcome<()> {
        let Value::Node(index) = value else { return Ok(()) };
        self.visits += 1;
        let allowed = |(base, each): (usize, usize)| base + each * self.pickle.len();
        let often = self.visits > allowed(MAX_VISITS) || self.names > allowed(MAX_NAMES);
        if often || self.path.len() > MAX_DEPTH {
            return Err(Fault::limit("its objects lie in one another too deep or too often"));
        }
        // An object that holds itself has no end of names.
        if self.path.contains(&index) {
            return Ok(());
        }
        if let Some(entry) = self.tensor(value, name)? {
            self.names += name.len() + ENTRY;
            self.tensors.entries.insert(name.to_owned(), entry);
            return Ok(());
        }
        self.path.push(index);
        for (key, child) in modules::children(self.pickle, value) {
            let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
            self.visit(child, &name)?;
        }
        self.path.pop();
        Ok(())
    }

    /// A tensor, or what there is in place of one; `None` if the value is none.
    fn tensor(&mut self, value: Value, name: &str) -> Outcome<Option<Entry>> {
        let Some(object) = self.pickle.object(value) else { return Ok(None) };
        let Some(function) = self.pickle.global(object.class) else { return Ok(None) };
        let Some(arguments) = self.pickle.sequence(object.arguments) else { return Ok(None) };
        self.rebuilt(function, arguments, name, 0)
    }

    /// What PyTorch's function of that name would make.
    fn rebuilt(
        &mut self,
        function: &str,
        arguments: &[Value],
        name: &str,
        depth: usize,
    ) -> Outcome<Option<Entry>> {
        let Some((module, function)) = function.rsplit_once('.') else { return Ok(None) };
        if !module.starts_with("torch.") || !function.starts_with("_rebuild_") || depth > MAX_DEPTH
        {
            return Ok(None);
        }
        let pickle = self.pickle;
        let inner = match function {
            "_rebuild_tensor" | "_rebuild_tensor_v2" => {
                return self.layout(arguments, None, arguments.get(6), name).map(Some);
            }
            "_rebuild_tensor_v3" => {
                let dtype = arguments.get(6).and_then(|&dtype| pickle.global(dtype));
                let dtype = dtype.ok_or_else(|| Fault::damaged(format!("{name} has no type")))?;
                return self.layout(arguments, Some(dtype), arguments.get(7), name).map(Some);
            }
            // Subclasses of tensors: (function, class, its arguments, state).
            "_rebuild_from_type" | "_rebuild_from_type_v2" => {
                let [function, _, inner, ..] = *arguments else { return Ok(None) };
                (pickle.global(function), pickle.sequence(inner))
            }
            // A tensor and more that says nothing of its numbers.
            "_rebuild_parameter"
            | "_rebuild_parameter_with_state"
            | "_rebuild_device_tensor_from_cpu_tensor" => {
                let inner = arguments.first().and_then(|&inner| pickle.object(inner));
                let Some(inner) = inner else { return Ok(None) };
                (pickle.global(inner.class), pickle.sequence(inner.arguments))
            }
            "_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor" => {
                return Ok(Some(Entry::Unreadable(layout::SPARSE)));
            }
            "_rebuild_qtensor" => {
                return Ok(Some(Entry::Unreadable(layout::QUANTIZED)));
            }
            "_rebuild_nested_tensor" => {
                return Ok(Some(Entry::Unreadable(layout::NESTED)));
            }
            "_rebuild_meta_tensor_no_storage" => {
                return Ok(Some(Entry::Unreadable(layout::META)));
            }
            _ => return Ok(Some(Entry::Unreadable(layout::OTHER_DEVICE))),
        };
        match inner {
            (Some(function), Some(arguments)) => self.rebuilt(function, arguments, name, depth + 1),
            _ => Ok(None),
        }
    }

    /// `(storage, offset, size, stride, ...)`, with the type if the storage does not say it.
    fn layout(
        &mut self,
        arguments: &[Value],
        dtype: Option<&str>,
        flags: Option<&Value>,
        name: &str,
    ) -> Outcome<Entry> {
        let pickle = self.pickle;
        let wrong = |what: &str| Fault::damaged(format!("{name} has no {what}"));
        let [storage, offset, size, stride, ..] = *arguments else {
            return Err(wrong("size"));
        };
        let Some(Node::Persistent(id)) = pickle.node(storage) else {
            return Err(wrong("storage in the file"));
        };
        let id = StorageId::new(pickle, *id).ok_or_else(|| wrong("storage in the file"))?;
        let element = match dtype {
            Some(dtype) => ElementType::of_dtype(dtype),
            None => id.element,
        };
        let element = match element {
            None => return Ok(Entry::Unreadable(layout::OTHER_TYPE)),
            Some(ElementType::Kind(Kind::QInt8 | Kind::QUInt8 | Kind::QInt32)) => {
                return Ok(Entry::Unreadable(layout::QUANTIZED));
            }
            Some(element) => element,
        };
        let numbers = |value: Value| -> Option<Vec<i64>> {
            // torch.Size is called with the numbers.
            let value = match pickle.object(value) {
                Some(object) => *pickle.sequence(object.arguments)?.first()?,
                None => value,
            };
            let numbers = pickle.sequence(value)?.iter();
            numbers.map(|&n| i64::try_from(pickle.int(n)?).ok()).collect()
        };
        let offset = pickle
            .int(offset)
            .and_then(|offset| i64::try_from(offset.checked_add(id.offset)?).ok());
        let (shape, strides) = (numbers(size), numbers(stride));
        let (Some(offset), Some(shape), Some(strides)) = (offset, shape, strides) else {
            return Err(wrong("size"));
        };
        let flag = |name| {
            let Some(Node::Dict(items)) = flags.and_then(|&flags| pickle.node(flags)) else {
                return false;
            };
            let on =
                |&(k, v): &(Value, Value)| pickle.text(k) == Some(name) && v == Value::Bool(true);
            items.iter().any(on)
        };
        let storage = match self.keys.get(id.key) {
            Some(&storage) => storage,
            None => {
                let storage = self.tensors.places.len();
                self.tensors.places.push((self.locate)(id.key)?);
                self.keys.insert(id.key.to_owned(), storage);
                storage
            }
        };
        let (conjugate, negative) = (flag("conj"), flag("neg"));
        let layout = Layout { storage, element, offset, shape, strides, conjugate, negative };
        layout.check(name, &self.tensors.places[storage])?;
        Ok(Entry::Tensor(layout))
    }
}
