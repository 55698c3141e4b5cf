//! How a tensor lies in its storage, and a storage in its file.

use super::element::ElementType;
use super::fault::{Fault, Outcome};

/// What a file has under a name.
#[derive(Debug)]
pub(super) enum Entry {
    Tensor(Layout),
    Unreadable(&'static Unreadable),
}

/// A sort of tensor that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Why, after the tensor's name.
    pub(super) is: &'static str,
    pub(super) hint: &'static str,
}

pub(super) const SPARSE: &Unreadable =
    &Unreadable { is: "is sparse", hint: "Save it after to_dense()" };
pub(super) const QUANTIZED: &Unreadable =
    &Unreadable { is: "is quantized", hint: "Save it after dequantize()" };
pub(super) const NESTED: &Unreadable =
    &Unreadable { is: "is nested", hint: "Save it after to_padded_tensor(0)" };
pub(super) const META: &Unreadable = &Unreadable {
    is: "has no numbers, because it was on the device meta",
    hint: "Save the model after its weights are loaded",
};
pub(super) const OTHER_DEVICE: &Unreadable =
    &Unreadable { is: "is stored in its device's own way", hint: "Save it after cpu()" };
pub(super) const OTHER_TYPE: &Unreadable = &Unreadable {
    is: "is of a type that libtorch's interface lacks",
    hint: "Save it after float()",
};

/// Where a storage's bytes are in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteRange {
    pub(super) start: u64,
    pub(super) length: u64,
    /// Their checksum, if the file has one.
    pub(super) crc: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Which storage.
    pub(super) storage: usize,
    pub(super) element: ElementType,
    /// The first element, counted from the storage's.
    pub(super) offset: i64,
    pub(super) shape: Vec<i64>,
    pub(super) strides: Vec<i64>,
    /// Views that PyTorch computes when they are used.
    pub(super) conjugate: bool,
    pub(super) negative: bool,
}

impl Layout {
    /// Checks that the tensor lies within its storage.
    pub(super) fn check(&self, name: &str, range: &ByteRange) -> Outcome<()> {
        let wrong = |what: &str| {
            let (shape, strides) = (&self.shape, &self.strides);
            Fault::damaged(format!("{name} of shape {shape:?} and strides {strides:?} {what}"))
        };
        let negative = self.shape.iter().chain(&self.strides).any(|&number| number < 0);
        if self.shape.len() != self.strides.len() || negative || self.offset < 0 {
            return Err(wrong("is not possible"));
        }
        // Beyond what a tensor can have; zeros count as ones, as in libtorch.
        let numbers = |sizes: &[i64]| sizes.iter().try_fold(1i64, |n, &d| n.checked_mul(d.max(1)));
        if numbers(&self.shape).is_none_or(|numbers| numbers > i64::MAX / 16) {
            return Err(wrong("is not possible"));
        }
        let end = self.end().and_then(|end| (end as u64).checked_mul(self.element.size()));
        match end {
            Some(end) if end <= range.length => Ok(()),
            _ => Err(wrong(&format!("does not lie in its storage of {} bytes", range.length))),
        }
    }

    /// One past the last element, counted from the storage's first.
    pub(super) fn end(&self) -> Option<i64> {
        if self.shape.contains(&0) {
            return Some(self.offset.min(0));
        }
        self.shape.iter().zip(&self.strides).try_fold(self.offset.checked_add(1)?, |end, (d, s)| {
            end.checked_add((d - 1).checked_mul(*s)?)
        })
    }

    /// Whether rows lie one after the other.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let lies = |(&size, &stride): (&i64, &i64)| {
            let lies = size <= 1 || stride == expected;
            expected *= size.max(1);
            lies
        };
        self.shape.contains(&0) || self.shape.iter().zip(&self.strides).rev().all(lies)
    }

    pub(super) fn numel(&self) -> i64 {
        self.shape.iter().product()
    }
}
