//! The types of a tensor's elements, as PyTorch and safetensors name them.

use ::safetensors::Dtype;
use tch::{Kind, Tensor};

use super::fault::{Fault, Outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ElementType {
    Kind(Kind),
    /// Unsigned integers for which `tch` has no kind; they become the next wider signed one.
    Uint16,
    Uint32,
    Uint64,
}

impl ElementType {
    /// From a storage's class, such as `torch.FloatStorage` or `torch.cuda.FloatStorage`.
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        Some(Self::Kind(match class.rsplit('.').next()?.strip_suffix("Storage")? {
            "Double" => Kind::Double,
            "Float" => Kind::Float,
            "Half" => Kind::Half,
            "BFloat16" => Kind::BFloat16,
            "Long" => Kind::Int64,
            "Int" => Kind::Int,
            "Short" => Kind::Int16,
            "Char" => Kind::Int8,
            "Byte" => Kind::Uint8,
            "Bool" => Kind::Bool,
            "ComplexDouble" => Kind::ComplexDouble,
            "ComplexFloat" => Kind::ComplexFloat,
            "QInt8" => Kind::QInt8,
            "QUInt8" => Kind::QUInt8,
            "QInt32" => Kind::QInt32,
            // Four and two numbers in a byte; as bytes they are counted.
            "QUInt4x2" | "QUInt2x4" => Kind::QUInt8,
            _ => return None,
        }))
    }

    /// From `torch.float32` and the like.
    pub(super) fn of_dtype(name: &str) -> Option<Self> {
        Some(Self::Kind(match name.strip_prefix("torch.")? {
            "float64" => Kind::Double,
            "float32" => Kind::Float,
            "float16" => Kind::Half,
            "bfloat16" => Kind::BFloat16,
            "float8_e5m2" => Kind::Float8e5m2,
            "float8_e4m3fn" => Kind::Float8e4m3fn,
            "float8_e5m2fnuz" => Kind::Float8e5m2fnuz,
            "float8_e4m3fnuz" => Kind::Float8e4m3fnuz,
            "int64" => Kind::Int64,
            "int32" => Kind::Int,
            "int16" => Kind::Int16,
            "int8" => Kind::Int8,
            "uint8" => Kind::Uint8,
            "uint16" => return Some(Self::Uint16),
            "uint32" => return Some(Self::Uint32),
            "uint64" => return Some(Self::Uint64),
            "bool" => Kind::Bool,
            "complex128" => Kind::ComplexDouble,
            "complex64" => Kind::ComplexFloat,
            "complex32" => Kind::ComplexHalf,
            _ => return None,
        }))
    }

    pub(super) fn of_safetensors(dtype: Dtype) -> Option<Self> {
        Some(Self::Kind(match dtype {
            Dtype::F64 => Kind::Double,
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F8_E5M2 => Kind::Float8e5m2,
            Dtype::F8_E4M3 => Kind::Float8e4m3fn,
            Dtype::C64 => Kind::ComplexFloat,
            Dtype::I64 => Kind::Int64,
            Dtype::I32 => Kind::Int,
            Dtype::I16 => Kind::Int16,
            Dtype::I8 => Kind::Int8,
            Dtype::U8 => Kind::Uint8,
            Dtype::U16 => return Some(Self::Uint16),
            Dtype::U32 => return Some(Self::Uint32),
            Dtype::U64 => return Some(Self::Uint64),
            Dtype::BOOL => Kind::Bool,
            _ => return None,
        }))
    }

    /// Bytes of one element in the file.
    pub(super) fn size(self) -> u64 {
        self.stored().elt_size_in_bytes() as u64
    }

    /// Bytes that change places when the order of bytes does.
    pub(super) fn part(self) -> usize {
        match self.stored() {
            kind @ (Kind::ComplexHalf | Kind::ComplexFloat | Kind::ComplexDouble) => {
                kind.elt_size_in_bytes() / 2
            }
            kind => kind.elt_size_in_bytes(),
        }
    }

    /// The kind as which the bytes are read.
    pub(super) fn stored(self) -> Kind {
        match self {
            Self::Kind(kind) => kind,
            Self::Uint16 => Kind::Int16,
            Self::Uint32 => Kind::Int,
            Self::Uint64 => Kind::Int64,
        }
    }

    /// The kind of the tensor that is handed out.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Kind(kind) => kind,
            Self::Uint16 => Kind::Int,
            Self::Uint32 | Self::Uint64 => Kind::Int64,
        }
    }

    /// Gives what was read as [`stored`](Self::stored) its own kind.
    pub(super) fn widen(self, read: Tensor) -> Outcome<Tensor> {
        let mask = match self {
            Self::Kind(_) => return Ok(read),
            Self::Uint16 => 0xffff,
            Self::Uint32 => 0xffff_ffff,
            Self::Uint64 => {
                if read.numel() > 0 && i64::try_from(read.f_min()?)? < 0 {
                    return Err(Fault::new(
                        "it has an unsigned integer of 2^63 or more",
                        "Save it as int64 or float64",
                    ));
                }
                return Ok(read);
            }
        };
        Ok(read.f_to_kind(self.kind())?.f_bitwise_and_(mask)?)
    }
}
