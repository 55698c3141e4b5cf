//! The stack machine: each opcode adds at most one object, and no opcode calls anything.

use std::collections::HashMap;
use std::io::BufRead;

use super::input::Input;
use super::value::{Node, Object, Pickle, Value};
use crate::weights::fault::{Fault, Outcome};

/// Bytes that the objects of one pickle may take: thirty million numbers in lists, or the names of
/// a million tensors.
const MAX_MEMORY: usize = 256 << 20;

/// Reads one pickle, up to and with its last opcode.
pub(in crate::weights) fn read_pickle(input: &mut dyn BufRead) -> Outcome<Pickle> {
    let mut input = Input(input);
    let mut machine = Machine::default();
    loop {
        let opcode = input.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            let size = machine.memory / size_of::<Value>();
            return Ok(Pickle { nodes: machine.nodes, root, size });
        }
        machine.step(opcode, &mut input)?;
    }
}

#[derive(Default)]
struct Machine {
    nodes: Vec<Node>,
    stack: Vec<Value>,
    /// Heights of the stack at which marks lie.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    memory: usize,
}

impl Machine {
    fn step(&mut self, opcode: u8, input: &mut Input<'_>) -> Outcome<()> {
        match opcode {
            // PROTO and FRAME say nothing that is needed here.
            0x80 => input.skip(1),
            0x95 => input.skip(8),

            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => input.unsigned::<1>().and_then(|int| self.push_int(int.into())),
            b'M' => input.unsigned::<2>().and_then(|int| self.push_int(int.into())),
            b'J' => input.array().and_then(|int| self.push_int(i32::from_le_bytes(int).into())),
            0x8a => {
                let length = input.unsigned::<1>()?;
                self.push_long(input.long(length)?)
            }
            0x8b => {
                let length = input.unsigned::<4>()?;
                self.push_long(input.long(length)?)
            }
            b'I' => match input.line()?.as_str() {
                "00" => self.push(Value::Bool(false)),
                "01" => self.push(Value::Bool(true)),
                line => self.push_long(line.parse().ok()),
            },
            b'L' => {
                let line = input.line()?;
                self.push_long(line.trim_end_matches('L').parse().ok())
            }
            b'G' => input.skip(8).and_then(|()| self.push(Value::Scalar)),
            b'F' => input.line().and_then(|_| self.push(Value::Scalar)),

            // Texts: of Python 3, and of Python 2 whose `str` they were.
            0x8c | b'U' => {
                let length = input.unsigned::<1>()?;
                self.push_text(input.text(length)?)
            }
            b'X' | b'T' => {
                let length = input.unsigned::<4>()?;
                self.push_text(input.text(length)?)
            }
            0x8d => {
                let length = input.unsigned::<8>()?;
                self.push_text(input.text(length)?)
            }
            b'S' | b'V' => {
                let line = input.line()?;
                self.push_text(Some(line.trim_matches(['\'', '"']).into()))
            }
            // Bytes.
            b'C' => {
                let length = input.unsigned::<1>()?;
                input.skip(length).and_then(|()| self.push(Value::Scalar))
            }
            b'B' => {
                let length = input.unsigned::<4>()?;
                input.skip(length).and_then(|()| self.push(Value::Scalar))
            }
            0x8e | 0x96 => {
                let length = input.unsigned::<8>()?;
                input.skip(length).and_then(|()| self.push(Value::Scalar))
            }
            // NEXT_BUFFER and READONLY_BUFFER: bytes that lie elsewhere.
            0x97 => self.push(Value::Scalar),
            0x98 => Ok(()),

            b'(' => {
                self.marks.push(self.stack.len());
                self.spend(size_of::<usize>())
            }
            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                    return Ok(());
                }
                self.pop().map(drop)
            }
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push(top)
            }

            b']' => self.push_node(Node::List(Vec::new())),
            b')' => self.push_node(Node::Tuple(Vec::new())),
            b'}' => self.push_node(Node::Dict(Vec::new())),
            // A set is a list whose order nobody asks.
            0x8f => self.push_node(Node::List(Vec::new())),
            b'l' | 0x91 => self.pop_mark().and_then(|values| self.push_node(Node::List(values))),
            b't' => self.pop_mark().and_then(|values| self.push_node(Node::Tuple(values))),
            0x85..=0x87 => {
                let values = self.pop_many(usize::from(opcode - 0x84))?;
                self.push_node(Node::Tuple(values))
            }
            b'd' => self.pop_mark().and_then(|values| self.push_node(Node::Dict(pairs(&values)))),
            b'a' => self.pop().and_then(|value| self.append(vec![value])),
            b'e' | 0x90 => self.pop_mark().and_then(|values| self.append(values)),
            b's' => self.pop_many(2).and_then(|values| self.set_items(&values)),
            b'u' => self.pop_mark().and_then(|values| self.set_items(&values)),

            b'g' => self.get(number(&input.line()?)?),
            b'h' => input.unsigned::<1>().and_then(|index| self.get(index)),
            b'j' => input.unsigned::<4>().and_then(|index| self.get(index)),
            b'p' => self.put(number(&input.line()?)?),
            b'q' => input.unsigned::<1>().and_then(|index| self.put(index)),
            b'r' => input.unsigned::<4>().and_then(|index| self.put(index)),
            0x94 => self.put(self.memo.len() as u64),

            b'c' => {
                let (module, name) = (input.line()?, input.line()?);
                self.push_node(Node::Global(format!("{module}.{name}").into()))
            }
            0x93 => {
                let values = self.pop_many(2)?;
                let name = match (self.text(values[0]), self.text(values[1])) {
                    (Some(module), Some(name)) => format!("{module}.{name}"),
                    _ => return Err(Fault::damaged("a class in its pickle has no name")),
                };
                self.push_node(Node::Global(name.into()))
            }
            // Classes by number belong to a registry of the program that wrote the file.
            0x82 => input.skip(1).and_then(|()| self.push(Value::Scalar)),
            0x83 => input.skip(2).and_then(|()| self.push(Value::Scalar)),
            0x84 => input.skip(4).and_then(|()| self.push(Value::Scalar)),
            b'R' | 0x81 => self.pop_many(2).and_then(|values| self.make(values[0], values[1])),
            0x92 => self.pop_many(3).and_then(|values| self.make(values[0], values[1])),
            b'i' => {
                let class = format!("{}.{}", input.line()?, input.line()?);
                let arguments = self.pop_mark()?;
                let class = self.add(Node::Global(class.into()))?;
                let arguments = self.add(Node::Tuple(arguments))?;
                self.make(class, arguments)
            }
            b'o' => {
                let mut values = self.pop_mark()?;
                if values.is_empty() {
                    return Err(Fault::damaged("an object in its pickle has no class"));
                }
                let class = values.remove(0);
                let arguments = self.add(Node::Tuple(values))?;
                self.make(class, arguments)
            }
            b'b' => self.build(),
            b'P' => {
                let line = input.line()?;
                let id = self.add(Node::Text(line.into()))?;
                self.push_node(Node::Persistent(id))
            }
            b'Q' => self.pop().and_then(|id| self.push_node(Node::Persistent(id))),
            other => Err(Fault::damaged(format!("its pickle has no opcode {other:#04x}"))),
        }
    }

    fn spend(&mut self, bytes: usize) -> Outcome<()> {
        self.memory += bytes;
        if self.memory > MAX_MEMORY {
            let limit = MAX_MEMORY >> 20;
            return Err(Fault::limit(format!("the objects of its pickle take over {limit} MiB")));
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Outcome<()> {
        self.stack.push(value);
        self.spend(size_of::<Value>())
    }

    fn push_int(&mut self, int: i128) -> Outcome<()> {
        match i32::try_from(int) {
            Ok(int) => self.push(Value::Int(int)),
            Err(_) => self.push_node(Node::Long(int)),
        }
    }

    fn push_long(&mut self, int: Option<i128>) -> Outcome<()> {
        match int {
            Some(int) => self.push_int(int),
            None => self.push(Value::Scalar),
        }
    }

    fn push_text(&mut self, text: Option<Box<str>>) -> Outcome<()> {
        match text {
            Some(text) => self.push_node(Node::Text(text)),
            None => self.push(Value::Scalar),
        }
    }

    fn push_node(&mut self, node: Node) -> Outcome<()> {
        let value = self.add(node)?;
        self.push(value)
    }

    fn add(&mut self, node: Node) -> Outcome<Value> {
        let content = match &node {
            Node::Text(text) | Node::Global(text) => text.len(),
            Node::List(values) | Node::Tuple(values) => size_of_val(values.as_slice()),
            Node::Dict(items) => size_of_val(items.as_slice()),
            Node::Object(_) => size_of::<Object>(),
            Node::Long(_) | Node::Persistent(_) => 0,
        };
        self.spend(size_of::<Node>() + content)?;
        self.nodes.push(node);
        // The memory ends long before the numbers do.
        Ok(Value::Node(self.nodes.len() as u32 - 1))
    }

    /// How far down the stack values may be taken: to the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Outcome<Value> {
        match self.stack.last() {
            Some(&value) if self.stack.len() > self.floor() => Ok(value),
            _ => Err(Fault::damaged("its pickle takes more values than it has")),
        }
    }

    fn pop(&mut self) -> Outcome<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Outcome<Vec<Value>> {
        match self.stack.len().checked_sub(count) {
            Some(height) if height >= self.floor() => Ok(self.stack.split_off(height)),
            _ => Err(Fault::damaged("its pickle takes more values than it has")),
        }
    }

    fn pop_mark(&mut self) -> Outcome<Vec<Value>> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => Err(Fault::damaged("its pickle takes a mark that it does not have")),
        }
    }

    fn get(&mut self, index: u64) -> Outcome<()> {
        let value = self.memo.get(&index).copied();
        let value =
            value.ok_or_else(|| Fault::damaged(format!("its pickle has no memo {index}")))?;
        self.push(value)
    }

    fn put(&mut self, index: u64) -> Outcome<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        self.spend(2 * size_of::<(u64, Value)>())
    }

    fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Node(index) => match &self.nodes[index as usize] {
                Node::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The node on the top of the stack.
    fn top_node(&mut self) -> Outcome<Option<&mut Node>> {
        Ok(match self.top()? {
            Value::Node(index) => Some(&mut self.nodes[index as usize]),
            _ => None,
        })
    }

    fn append(&mut self, values: Vec<Value>) -> Outcome<()> {
        self.spend(2 * size_of_val(values.as_slice()))?;
        match self.top_node()? {
            Some(Node::List(list)) => list.extend(values),
            Some(Node::Object(object)) => object.elements.extend(values),
            _ => {}
        }
        Ok(())
    }

    fn set_items(&mut self, values: &[Value]) -> Outcome<()> {
        self.spend(2 * size_of_val(values))?;
        match self.top_node()? {
            Some(Node::Dict(items)) => items.extend(pairs(values)),
            Some(Node::Object(object)) => object.items.extend(pairs(values)),
            _ => {}
        }
        Ok(())
    }

    fn make(&mut self, class: Value, arguments: Value) -> Outcome<()> {
        self.push_node(Node::Object(Box::new(Object {
            class,
            arguments,
            state: Value::None,
            items: Vec::new(),
            elements: Vec::new(),
        })))
    }

    fn build(&mut self) -> Outcome<()> {
        let state = self.pop()?;
        if let Some(Node::Object(object)) = self.top_node()? {
            object.state = state;
        }
        Ok(())
    }
}

fn pairs(values: &[Value]) -> Vec<(Value, Value)> {
    values.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

fn number(line: &str) -> Outcome<u64> {
    line.parse().map_err(|_| Fault::damaged(format!("its pickle has no memo {line}")))
}
