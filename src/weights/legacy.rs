//! What `torch.save` wrote before PyTorch 1.6, and still does with
//! `_use_new_zipfile_serialization=False`: pickles one after the other, then the storages.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::element::ElementType;
use super::fault::{Fault, Outcome};
use super::layout::ByteRange;
use super::pickle::{Pickle, read_pickle};
use super::rebuild::StorageId;

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL: i128 = 1001;

pub(super) struct Legacy {
    pub(super) pickle: Pickle,
    pub(super) storages: HashMap<String, ByteRange>,
}

/// Reads everything but the storages' content.
pub(super) fn read_legacy(file: &File) -> Outcome<Legacy> {
    let file_length = file.metadata()?.len();
    let mut input = BufReader::new(file);
    input.seek(SeekFrom::Start(0))?;
    let magic = read_pickle(&mut input)?;
    if magic.int(magic.root) != Some(MAGIC) {
        return Err(Fault::new(
            "it is a pickle, but not one of torch.save",
            "Save the model's state_dict() with torch.save instead of pickle",
        ));
    }
    let protocol = read_pickle(&mut input)?;
    if protocol.int(protocol.root) != Some(PROTOCOL) {
        return Err(Fault::damaged("its version is not 1001"));
    }
    // Sizes of C's types; the storages are stored with the lowest byte first whatever it says.
    read_pickle(&mut input)?;
    let pickle = read_pickle(&mut input)?;
    let keys = read_pickle(&mut input)?;
    let keys = keys
        .sequence(keys.root)
        .and_then(|all| all.iter().map(|&key| keys.text(key)).collect::<Option<Vec<_>>>())
        .ok_or_else(|| Fault::damaged("it has no list of its storages"))?;

    let elements: HashMap<&str, Option<ElementType>> = pickle
        .persistent_ids()
        .filter_map(|id| StorageId::new(&pickle, id))
        .map(|id| (id.key, id.element))
        .collect();
    let mut start = input.stream_position()?;
    let mut storages = HashMap::new();
    for key in keys {
        let mut count = [0; 8];
        input.read_exact(&mut count)?;
        start += 8;
        // A storage of bytes is counted in bytes.
        let size = match elements.get(key) {
            Some(element) => element.map_or(1, ElementType::size),
            None => return Err(Fault::damaged(format!("nothing says what its storage {key} is"))),
        };
        let length = u64::from_le_bytes(count)
            .checked_mul(size)
            .filter(|length| start.checked_add(*length).is_some_and(|end| end <= file_length))
            .ok_or_else(|| Fault::incomplete(format!("its storage {key} ends after the file")))?;
        storages.insert(key.to_owned(), ByteRange { start, length, crc: None });
        start += length;
        input.seek(SeekFrom::Start(start))?;
    }
    Ok(Legacy { pickle, storages })
}
