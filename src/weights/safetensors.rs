//! Files of the format safetensors: the header's length, a header in JSON, the numbers.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use ::safetensors::tensor::Metadata;

use super::element::ElementType;
use super::fault::{Fault, Outcome};
use super::layout::{ByteRange, Entry, Layout, OTHER_TYPE};
use super::tensors::Tensors;

/// The format's own limit.
const MAX_HEADER: u64 = 100_000_000;

/// Whether a file of that length may be one, from its first bytes.
pub(super) fn is_safetensors(head: &[u8], file_length: u64) -> bool {
    let Some((length, header)) = head.split_first_chunk::<8>() else { return false };
    let length = u64::from_le_bytes(*length);
    length <= MAX_HEADER && (length <= file_length || length < 1 << 24) && header.starts_with(b"{")
}

pub(super) fn read_header(file: &File) -> Outcome<Tensors> {
    let file_length = file.metadata()?.len();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let begin = u64::from_le_bytes(length) + 8;
    if begin > file_length {
        return Err(Fault::incomplete("its list of tensors is cut off"));
    }
    let mut header = vec![0; begin as usize - 8];
    file.read_exact(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| Fault::damaged(format!("its list of tensors is wrong ({error})")))?;
    let mut tensors = Tensors::default();
    for (name, info) in metadata.tensors() {
        let (first, end) = info.data_offsets;
        let end = begin.saturating_add(end as u64);
        if end > file_length {
            return Err(Fault::incomplete(format!("its tensor {name} ends after the file")));
        }
        let start = begin + first as u64;
        let length = end
            .checked_sub(start)
            .ok_or_else(|| Fault::damaged(format!("its tensor {name} ends before it begins")))?;
        let entry = match ElementType::of_safetensors(info.dtype) {
            None => Entry::Unreadable(OTHER_TYPE),
            Some(element) => {
                let sizes = info.shape.iter().map(|&size| i64::try_from(size));
                let shape: Vec<i64> = sizes.collect::<Result<_, _>>().unwrap_or(vec![-1]);
                let mut strides = vec![1i64; shape.len()];
                for index in (1..shape.len()).rev() {
                    strides[index - 1] = strides[index].saturating_mul(shape[index].max(1));
                }
                let storage = tensors.storages.len();
                let (conjugate, negative) = (false, false);
                let layout =
                    Layout { storage, element, offset: 0, shape, strides, conjugate, negative };
                let range = ByteRange { start, length, crc: None };
                layout.check(&name, &range)?;
                tensors.storages.push(range);
                Entry::Tensor(layout)
            }
        };
        tensors.entries.insert(name, entry);
    }
    Ok(tensors)
}
