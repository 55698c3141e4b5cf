//! Tensors to `.safetensors` files.

use std::path::Path;

use ::safetensors::tensor::{Dtype, TensorView, serialize};
use tch::{Device, Kind, Tensor};

use super::StateDict;
use crate::atomic_write::atomic_write;
use crate::{Error, Result};

/// Writes tensors to a `.safetensors` file, which appears whole or not at all.
///
/// # Errors
/// [`Error::Parameter`] if a tensor is of a kind that the format does not know; [`Error::Io`] if
/// the file cannot be written.
pub fn save_state_dict(state_dict: &StateDict, path: &Path) -> Result<()> {
    let bytes = to_safetensors(state_dict)?;
    atomic_write(path, &bytes).map_err(|error| {
        Error::io("write", path, error, "Choose a folder that exists, may be written and has room")
    })
}

/// The content of a `.safetensors` file.
pub(crate) fn to_safetensors(state_dict: &StateDict) -> Result<Vec<u8>> {
    let tensors = state_dict
        .iter()
        .map(|(name, tensor)| {
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            Ok((name.as_str(), dtype(tensor.kind())?, shape, bytes(tensor)?))
        })
        .collect::<Result<Vec<(&str, Dtype, Vec<usize>, Vec<u8>)>>>()?;
    tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .and_then(|views| serialize(views, None))
        .map_err(|error| Error::parameter("state_dict", error, "tensors", "Nothing was written."))
}

fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    Ok(bytes)
}

fn dtype(kind: Kind) -> Result<Dtype> {
    Ok(match kind {
        Kind::Double => Dtype::F64,
        Kind::Float => Dtype::F32,
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Int64 => Dtype::I64,
        other => {
            let hint = "Weights are floating-point numbers.";
            let allowed = "Double, Float, Half, BFloat16 or Int64";
            return Err(Error::parameter("kind", format!("{other:?}"), allowed, hint));
        }
    })
}
