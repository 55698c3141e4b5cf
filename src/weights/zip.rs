//! The zip archives that `torch.save` writes: `NAME/data.pkl`, `NAME/data/0`, `NAME/byteorder`, each
//! as it is, without compression.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use rawzip::{
    CompressionMethod, FileReader, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive,
    ZipArchiveEntryWayfinder,
};

use super::fault::{Fault, Outcome};
use super::layout::ByteRange;
use super::pickle::{Pickle, read_pickle};

pub(super) struct Archive {
    archive: ZipArchive<FileReader>,
    file_length: u64,
    /// The folder in which everything lies.
    folder: Vec<u8>,
    records: HashMap<Vec<u8>, Record>,
}

#[derive(Clone, Copy)]
struct Record {
    wayfinder: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    crc: u32,
}

impl Archive {
    pub(super) fn open(file: &File) -> Outcome<Self> {
        let file_length = file.metadata()?.len();
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = ZipArchive::from_file(file.try_clone()?, &mut buffer).map_err(directory)?;
        let (mut folder, mut records) = (None, HashMap::new());
        let mut entries = archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(directory)? {
            let name = entry.file_path().as_bytes().to_vec();
            // PyTorch, too, takes the folder of the first record.
            let first = name.split(|&byte| byte == b'/').next().unwrap_or_default();
            folder.get_or_insert_with(|| first.to_vec());
            let (method, crc) = (entry.compression_method(), entry.crc32());
            records.insert(name, Record { wayfinder: entry.wayfinder(), method, crc });
        }
        Ok(Self { archive, file_length, folder: folder.unwrap_or_default(), records })
    }

    /// What `torch.save` was given.
    pub(super) fn pickle(&self, file: &File) -> Outcome<Pickle> {
        if !self.has("data.pkl") {
            return Err(self.other_archive());
        }
        let range = self.locate("data.pkl")?;
        let mut file = file;
        file.seek(SeekFrom::Start(range.start))?;
        read_pickle(&mut BufReader::new(file.take(range.length)))
    }

    /// Whether numbers are stored with their highest byte first; without a record of it they are
    /// not.
    pub(super) fn is_big_endian(&self, file: &File) -> Outcome<bool> {
        if !self.has("byteorder") {
            return Ok(false);
        }
        let range = self.locate("byteorder")?;
        let mut order = Vec::new();
        let mut file = file;
        file.seek(SeekFrom::Start(range.start))?;
        file.take(range.length.min(16)).read_to_end(&mut order)?;
        match order.trim_ascii() {
            b"little" => Ok(false),
            b"big" => Ok(true),
            other => {
                let order = String::from_utf8_lossy(other);
                Err(Fault::damaged(format!("its byte order is {order:?}, not little or big")))
            }
        }
    }

    /// Where a record's bytes are.
    pub(super) fn locate(&self, name: &str) -> Outcome<ByteRange> {
        let record = self
            .records
            .get(&self.full(name))
            .ok_or_else(|| Fault::damaged(format!("it has no record {name}")))?;
        if record.method != CompressionMethod::STORE {
            return Err(Fault::new(
                format!("its record {name} is compressed, which torch.save never does"),
                "Save it anew: torch.save(torch.load(\"FILE\"), \"FILE\")",
            ));
        }
        let entry = self.archive.get_entry(record.wayfinder).map_err(directory)?;
        let (start, end) = entry.compressed_data_range();
        if end > self.file_length {
            return Err(Fault::incomplete(format!("its record {name} ends after the file")));
        }
        // torch.serialization.set_crc32_options(False) leaves it out.
        let crc = Some(record.crc).filter(|&crc| crc != 0);
        Ok(ByteRange { start, length: end - start, crc })
    }

    fn has(&self, name: &str) -> bool {
        self.records.contains_key(&self.full(name))
    }

    fn full(&self, name: &str) -> Vec<u8> {
        [&self.folder, &b"/"[..], name.as_bytes()].concat()
    }

    /// A zip archive of something else.
    fn other_archive(&self) -> Fault {
        let mut names: Vec<_> =
            self.records.keys().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        names.sort();
        let (what, hint) = if names.iter().any(|name| name.ends_with(".npy")) {
            ("NumPy arrays", "Save the model's state_dict() with torch.save instead")
        } else {
            ("other files", "If a checkpoint is among them, unpack it first")
        };
        let more = if names.len() > 5 { ", ..." } else { "" };
        names.truncate(5);
        Fault::new(
            format!("it is a zip archive of {what}, not of torch.save: {}{more}", names.join(", ")),
            hint,
        )
    }
}

fn directory(error: rawzip::Error) -> Fault {
    match error.kind() {
        rawzip::ErrorKind::MissingEndOfCentralDirectory => Fault::incomplete(
            "it begins as an archive of torch.save and ends before the list of its records",
        ),
        rawzip::ErrorKind::Eof => Fault::incomplete("the list of its records is cut off"),
        _ => Fault::damaged(format!("the list of its records is wrong ({error})")),
    }
}
