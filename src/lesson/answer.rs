//! Values that answer an exercise, and how far they are from the right ones.

use tch::{Kind, Tensor};

use super::message::short;

/// A value that a check compares with the right one.
pub trait Answer {
    /// Whether it is `other`, numbers up to `tolerance * max(1, |other|)`.
    fn is_near(&self, other: &Self, tolerance: f64) -> bool;

    /// Itself, in few words.
    fn shown(&self) -> String;

    /// What can be said of it against the right one without giving that away.
    fn hint(&self, _right: &Self) -> String {
        String::new()
    }
}

fn near(value: f64, other: f64, tolerance: f64) -> bool {
    value == other || (value - other).abs() <= tolerance * other.abs().max(1.0)
}

/// Of one number.
fn number_hint(value: f64, right: f64) -> String {
    if value.is_nan() && !right.is_nan() {
        "that is no number: look for 0 / 0, a logarithm below 0, or infinity minus infinity".into()
    } else if right != 0.0 && near(value, -right, 1e-6) {
        "the sign is the wrong one".into()
    } else if value > right {
        "that is too large".into()
    } else {
        "that is too small".into()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Answer for $number {
            fn is_near(&self, other: &Self, tolerance: f64) -> bool {
                near(*self as f64, *other as f64, tolerance)
            }
            fn shown(&self) -> String {
                short(*self as f64)
            }
            fn hint(&self, right: &Self) -> String {
                number_hint(*self as f64, *right as f64)
            }
        }
    )*};
}
numbers!(f64, f32);

macro_rules! exact {
    ($($exact:ty),*) => {$(
        impl Answer for $exact {
            fn is_near(&self, other: &Self, _: f64) -> bool {
                self == other
            }
            fn shown(&self) -> String {
                format!("{self:?}")
            }
        }
    )*};
}
exact!(bool, char, String, &str);

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Answer for $integer {
            fn is_near(&self, other: &Self, _: f64) -> bool {
                self == other
            }
            fn shown(&self) -> String {
                self.to_string()
            }
            fn hint(&self, right: &Self) -> String {
                if self > right { "that is too large".into() } else { "that is too small".into() }
            }
        }
    )*};
}
integers!(usize, i32, u32, i64, u64);

impl<A: Answer, B: Answer> Answer for (A, B) {
    fn is_near(&self, other: &Self, tolerance: f64) -> bool {
        self.0.is_near(&other.0, tolerance) && self.1.is_near(&other.1, tolerance)
    }

    fn shown(&self) -> String {
        format!("({}, {})", self.0.shown(), self.1.shown())
    }
}

impl<T: Answer> Answer for Vec<T> {
    fn is_near(&self, other: &Self, tolerance: f64) -> bool {
        let mut pairs = self.iter().zip(other);
        self.len() == other.len() && pairs.all(|(a, b)| a.is_near(b, tolerance))
    }

    fn shown(&self) -> String {
        const MOST: usize = 6;
        let mut parts: Vec<String> = self.iter().take(MOST).map(Answer::shown).collect();
        if self.len() > MOST {
            parts.push("…".into());
        }
        format!("[{}]", parts.join(", "))
    }

    fn hint(&self, right: &Self) -> String {
        match self.len() == right.len() {
            true => String::new(),
            false => format!("it has {} values, {} are wanted", self.len(), right.len()),
        }
    }
}

/// Compared as float64, on the processor.
impl Answer for Tensor {
    fn is_near(&self, other: &Self, tolerance: f64) -> bool {
        match (values(self), values(other)) {
            (Some(a), Some(b)) => self.size() == other.size() && a.is_near(&b, tolerance),
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match values(self) {
            Some(values) if self.dim() == 0 => values.iter().map(|&it| short(it)).collect(),
            Some(values) if self.dim() == 1 => values.shown(),
            _ => format!("a tensor of shape {:?}", self.size()),
        }
    }

    fn hint(&self, right: &Self) -> String {
        match (self.size() == right.size(), self.size().is_empty(), values(self), values(right)) {
            (false, ..) => format!("its shape is {:?}, {:?} is wanted", self.size(), right.size()),
            (true, true, Some(a), Some(b)) => number_hint(a[0], b[0]),
            _ => String::new(),
        }
    }
}

fn values(tensor: &Tensor) -> Option<Vec<f64>> {
    let flat = tensor.detach().f_to_device(tch::Device::Cpu).ok()?.f_to_kind(Kind::Double).ok()?;
    Vec::<f64>::try_from(flat.f_contiguous().ok()?.f_reshape([-1]).ok()?).ok()
}
