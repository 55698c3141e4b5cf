//! Writes what `torch.save` writes, and what it would never write.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;

/// A stored (not compressed) zip archive of these records.
pub fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, content) in records {
        let (mut entry, config) = zip.new_file(name).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

/// An archive with this pickle and the storages 0, 1, ... of these numbers.
pub fn checkpoint(pickle: &[u8], storages: &[&[f32]]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = storages
        .iter()
        .map(|numbers| numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
        .collect();
    let names: Vec<String> = (0..bytes.len()).map(|key| format!("x/data/{key}")).collect();
    let mut records = vec![("x/data.pkl", pickle), ("x/byteorder", &b"little"[..])];
    records.extend(names.iter().zip(&bytes).map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    archive(&records)
}

/// A pickle of protocol 2 around these opcodes.
pub fn pickle(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x02", opcodes, b"."].concat()
}

/// A dict of what these opcodes make.
pub fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut opcodes = b"}(".to_vec();
    for (key, value) in items {
        opcodes.extend(text(key));
        opcodes.extend(value);
    }
    opcodes.push(b'u');
    opcodes
}

pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn ints(ints: &[i64]) -> Vec<u8> {
    let each = ints.iter().flat_map(|int| [b"\x8a\x08", &int.to_le_bytes()[..]].concat());
    [b"(".to_vec(), each.collect(), b"t".to_vec()].concat()
}

/// A float32 tensor in the storage `key`.
pub fn tensor(key: usize, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(&key.to_string()),
        text("cpu"),
        b"K\x01tQ".to_vec(),
        [b"\x8a\x08", &offset.to_le_bytes()[..]].concat(),
        ints(shape),
        ints(strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}
