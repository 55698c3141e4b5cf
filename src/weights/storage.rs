//! Tensors' numbers, read from the file straight into libtorch's memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use tch::{Device, Kind, Tensor};

use super::StateDict;
use super::element::ElementType;
use super::fault::{Fault, Outcome};
use super::layout::{ByteRange, Layout};

/// Bytes read at once: they stay in the processor's cache until they are copied.
const CHUNK: usize = 1 << 18;

/// Reads tensors from the storages of a file.
pub(super) struct StorageReader<'a> {
    pub(super) file: &'a File,
    pub(super) storages: &'a [ByteRange],
    pub(super) big_endian: bool,
}

impl StorageReader<'_> {
    /// Reads tensors, of each storage only the part in which they lie.
    ///
    /// Rows lie one after the other, however they were stored; tensors of one storage of which that
    /// is true from the start share their memory, as in PyTorch. An expanded tensor stays one.
    pub(super) fn read(&self, wanted: &[(&str, &Layout)]) -> Outcome<StateDict> {
        let mut groups: HashMap<(usize, ElementType), Vec<usize>> = HashMap::new();
        for (index, (_, layout)) in wanted.iter().enumerate() {
            groups.entry((layout.storage, layout.element)).or_default().push(index);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, indices)| indices[0]);
        // The same bytes under many names would let a small file fill the memory.
        let mut left = self.file.metadata()?.len();
        let mut left_for_copies = left;
        // What is only copied from is read into the same memory each time: between the copies it
        // would leave holes, together as large as the file.
        let mut scratch = Tensor::f_empty([0], (Kind::Uint8, Device::Cpu))?;
        let mut tensors = StateDict::new();
        for ((storage, element), indices) in groups {
            let layouts: Vec<&Layout> = indices.iter().map(|&index| wanted[index].1).collect();
            let used = layouts.iter().filter(|layout| layout.numel() > 0);
            let first = used.clone().map(|layout| layout.offset).min().unwrap_or(0);
            let end = used.filter_map(|layout| layout.end()).max().unwrap_or(first);
            let count = end - first;
            let length = count.unsigned_abs().checked_mul(element.size());
            let length = length
                .filter(|&length| length <= left)
                .ok_or_else(|| Fault::damaged("its tensors have more bytes than the file"))?;
            left -= length;
            let copied: Vec<bool> = layouts
                .iter()
                .map(|layout| {
                    let bytes = layout.numel() as u64 * element.size();
                    let copied = !layout.is_contiguous()
                        && layout.numel() <= count
                        && bytes <= left_for_copies;
                    left_for_copies -= if copied { bytes } else { 0 };
                    copied
                })
                .collect();
            let target = if copied.iter().all(|&copied| copied) {
                if (scratch.numel() as u64) < length {
                    scratch = Tensor::f_empty([length as i64], (Kind::Uint8, Device::Cpu))?;
                }
                scratch.f_narrow(0, 0, length as i64)?.f_view_dtype(element.stored())?
            } else {
                Tensor::f_empty([count], (element.stored(), Device::Cpu))?
            };
            let name = wanted[indices[0]].0;
            let base = self.part(&self.storages[storage], element, first, target, name)?;
            for ((&index, layout), copied) in indices.iter().zip(&layouts).zip(copied) {
                let mut tensor = view(&base, layout, first)?;
                if copied {
                    let rows = (layout.element.kind(), Device::Cpu);
                    let mut copy = Tensor::f_empty(layout.shape.as_slice(), rows)?;
                    copy.f_copy_(&tensor)?;
                    tensor = copy;
                }
                tensors.insert(wanted[index].0.to_owned(), tensor);
            }
        }
        Ok(tensors)
    }

    /// Fills `target` from the storage's element `first` on.
    fn part(
        &self,
        range: &ByteRange,
        element: ElementType,
        first: i64,
        target: Tensor,
        name: &str,
    ) -> Outcome<Tensor> {
        let length = target.numel() * element.size() as usize;
        let mut file = self.file;
        file.seek(SeekFrom::Start(range.start + first as u64 * element.size()))?;
        let mut chunk = vec![0; CHUNK.min(length)];
        let mut crc = flate2::Crc::new();
        let mut done = 0;
        while done < length {
            let chunk = &mut chunk[..CHUNK.min(length - done)];
            file.read_exact(chunk)?;
            crc.update(chunk);
            if self.big_endian {
                // A chunk ends with an element, because every size divides a chunk's.
                chunk.chunks_exact_mut(element.part()).for_each(<[u8]>::reverse);
            }
            #[allow(unsafe_code, reason = "tch copies from whole slices only")]
            // SAFETY: nobody else has this memory now, and it has `length` bytes in one piece, of
            // which these are the next `chunk.len()`.
            unsafe {
                let target = target.data_ptr().cast::<u8>().add(done);
                std::ptr::copy_nonoverlapping(chunk.as_ptr(), target, chunk.len());
            }
            done += chunk.len();
        }
        if length as u64 == range.length && range.crc.is_some_and(|expected| expected != crc.sum())
        {
            return Err(Fault::damaged(format!("the checksum of {name} is wrong")));
        }
        element.widen(target)
    }
}

/// A tensor of the part `base`, which begins with the storage's element `first`.
fn view(base: &Tensor, layout: &Layout, first: i64) -> Outcome<Tensor> {
    let (shape, strides) = (layout.shape.as_slice(), layout.strides.as_slice());
    if layout.numel() == 0 {
        return Ok(Tensor::f_empty(shape, (layout.element.kind(), Device::Cpu))?);
    }
    let mut tensor = base.f_as_strided(shape, strides, layout.offset - first)?;
    if layout.conjugate {
        tensor = tensor.f_conj_physical()?;
    }
    if layout.negative {
        tensor = tensor.f_neg()?;
    }
    Ok(tensor)
}
