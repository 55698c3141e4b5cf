//! Tensors from `.ckpt`, `.pt`, `.pth` and `.safetensors` files, without executing anything.

use std::path::Path;

use pytorch_reader::{DType, PytorchReader};
use tch::{Kind, Tensor};

use super::StateDict;
use crate::{Error, Result};

const HINT: &str = "Expected a Lightning .ckpt, a state dict .pt or .pth, or a .safetensors file; download it again";

/// The tensors of a checkpoint by name.
///
/// A Lightning file (`.ckpt`) is a zip of a pickle with the tensors under `state_dict`; other keys,
/// such as `hyper_parameters` with arbitrary Python objects, are skipped. `.pt` and `.pth` hold the
/// tensors directly. Pickles are read as data by the crate `pytorch-reader`: nothing in them runs,
/// and their size, depth and tensors are bounded.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened, [`Error::Format`] if it is none of these.
pub fn read_state_dict(path: &Path) -> Result<StateDict> {
    if let Err(error) = std::fs::File::open(path) {
        return Err(Error::io("read", path, error, "Check the name of the checkpoint"));
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => read_safetensors(path),
        Some("pt" | "pth") => read_pytorch(PytorchReader::new(path), path),
        _ => read_pytorch(PytorchReader::with_top_level_key(path, "state_dict"), path),
    }
}

fn read_pytorch(
    reader: std::result::Result<PytorchReader, pytorch_reader::PytorchError>,
    path: &Path,
) -> Result<StateDict> {
    let reader = reader.map_err(|error| Error::format(path, error, HINT))?;
    reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let kind = kind(tensor.dtype()).ok_or_else(|| {
                Error::format(path, format!("{name} has the kind {:?}", tensor.dtype()), HINT)
            })?;
            let shape: Vec<i64> = tensor.shape().iter().map(|&size| size as i64).collect();
            let bytes = tensor
                .read()
                .map_err(|error| Error::format(path, format!("{name}: {error}"), HINT))?;
            Ok((name, Tensor::f_from_data_size(&bytes, &shape, kind)?))
        })
        .collect()
}

fn kind(dtype: DType) -> Option<Kind> {
    Some(match dtype {
        DType::F64 => Kind::Double,
        DType::F32 => Kind::Float,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::I64 => Kind::Int64,
        DType::I32 => Kind::Int,
        DType::I16 => Kind::Int16,
        DType::I8 => Kind::Int8,
        DType::U8 => Kind::Uint8,
        DType::Bool => Kind::Bool,
        _ => return None,
    })
}

fn read_safetensors(path: &Path) -> Result<StateDict> {
    let tensors = Tensor::read_safetensors(path).map_err(|e| Error::format(path, e, HINT))?;
    Ok(tensors.into_iter().collect())
}
