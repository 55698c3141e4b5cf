//! Tensors as PyTorch pickles them: a call of one of its functions named `_rebuild_*`.

use std::collections::HashMap;

use tch::Kind;

use super::element::ElementType;
use super::fault::{Fault, Outcome};
use super::layout::{self, ByteRange, Entry, Layout};
use super::pickle::{Node, Pickle, Value};

/// libtorch's own limit.
const MAX_DIMENSIONS: usize = 64;
/// A parameter of a subclass's tensor is a tensor in three wrappers.
const MAX_WRAPPED: usize = 16;

/// How a pickle names a storage: `("storage", class, key, device, size[, view])`.
pub(super) struct StorageId<'a> {
    pub(super) key: &'a str,
    /// `None` for a storage of bytes.
    pub(super) element: Option<ElementType>,
    /// Where a view into the storage begins, in elements.
    pub(super) offset: i128,
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

/// Makes tensors of the objects of one pickle.
pub(super) struct Rebuilder<'a> {
    pickle: &'a Pickle,
    /// Says where a storage is.
    locate: &'a mut dyn FnMut(&str) -> Outcome<ByteRange>,
    /// The storages that were met.
    pub(super) storages: Vec<ByteRange>,
    /// Their indices by their names in the pickle.
    indices: HashMap<String, usize>,
}

impl<'a> Rebuilder<'a> {
    pub(super) fn new(
        pickle: &'a Pickle,
        locate: &'a mut dyn FnMut(&str) -> Outcome<ByteRange>,
    ) -> Self {
        Self { pickle, locate, storages: Vec::new(), indices: HashMap::new() }
    }

    /// A tensor, or what there is in place of one; `None` if the value is none.
    pub(super) fn tensor(&mut self, value: Value, name: &str) -> Outcome<Option<Entry>> {
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
        if !module.starts_with("torch.")
            || !function.starts_with("_rebuild_")
            || depth > MAX_WRAPPED
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
            let numbers =
                pickle.sequence(value).filter(|numbers| numbers.len() <= MAX_DIMENSIONS)?;
            numbers.iter().map(|&n| i64::try_from(pickle.int(n)?).ok()).collect()
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
            items.iter().take(MAX_DIMENSIONS).any(on)
        };
        let storage = match self.indices.get(id.key) {
            Some(&storage) => storage,
            None => {
                let storage = self.storages.len();
                self.storages.push((self.locate)(id.key)?);
                self.indices.insert(id.key.to_owned(), storage);
                storage
            }
        };
        let (conjugate, negative) = (flag("conj"), flag("neg"));
        let layout = Layout { storage, element, offset, shape, strides, conjugate, negative };
        layout.check(name, &self.storages[storage])?;
        Ok(Entry::Tensor(layout))
    }
}
