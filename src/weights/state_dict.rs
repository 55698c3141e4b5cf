//! Tensors by name, and how those of a file differ from a model's.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

/// Tensors by name.
pub type StateDict = BTreeMap<String, Tensor>;

/// A counter that PyTorch's batch norm keeps and that no result depends on: it is left out,
/// whatever it is.
const COUNTER: &str = "num_batches_tracked";

/// What there is under a name, before it is read.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    Tensor(&'a [i64], Kind),
    /// A tensor that cannot be read, and why.
    Unreadable(&'static str),
}

/// How the tensors of a file differ from a model's.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Differences {
    pub(super) missing: Vec<String>,
    pub(super) unexpected: Vec<String>,
    pub(super) mismatched: Vec<String>,
}

pub(super) fn differences(own: &StateDict, found: &BTreeMap<String, Found>) -> Differences {
    let missing = own.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    let mut differences = Differences { missing, ..Default::default() };
    for (name, found) in found {
        if name.rsplit('.').next() == Some(COUNTER) {
            continue;
        }
        let Some(expected) = own.get(name) else {
            differences.unexpected.push(name.clone());
            continue;
        };
        let is = match found {
            Found::Tensor(shape, kind) if *shape == expected.size() && is_float(*kind) => continue,
            Found::Tensor(shape, kind) => format!("found {shape:?} {kind:?}"),
            Found::Unreadable(is) => format!("it {is}"),
        };
        let (shape, kind) = (expected.size(), expected.kind());
        differences.mismatched.push(format!("{name}: {is}, expected {shape:?} {kind:?}"));
    }
    differences
}

fn is_float(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Float
            | Kind::Double
            | Kind::Half
            | Kind::BFloat16
            | Kind::Float8e4m3fn
            | Kind::Float8e4m3fnuz
            | Kind::Float8e5m2
            | Kind::Float8e5m2fnuz
    )
}
