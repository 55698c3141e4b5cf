//! The format of a file, from its content and not from its name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::fault::{Fault, Outcome};
use super::safetensors::is_safetensors;

/// The kinds of file that hold tensors by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// An archive of `torch.save`.
    Zip,
    /// Pickles, as `torch.save` wrote them before PyTorch 1.6.
    Legacy,
    Safetensors,
}

/// Beginnings of files that people take for checkpoints, what they are, and what to do.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "a gzip archive", "Unpack it with gunzip or tar first"),
    (b"BZh", "a bzip2 archive", "Unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive", "Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first"),
    (b"\x89HDF", "an HDF5 file, as Keras writes", SAVE),
    (b"GGUF", "a GGUF file", SAVE),
    (b"\x93NUMPY", "a NumPy array", SAVE),
    (b"\x89PNG", "an image", "Give the checkpoint's file instead"),
    (b"%PDF", "a PDF document", "Give the checkpoint's file instead"),
];
const SAVE: &str = "Save the model's state_dict() with torch.save or safetensors instead";
const EXPECTED: &str =
    "Expected what torch.save writes (a Lightning .ckpt, a .pt or .pth) or a safetensors file";

pub(super) fn detect_format(file: &File) -> Outcome<FileFormat> {
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    file.take(512).read_to_end(&mut head)?;
    if head.is_empty() {
        let hint = "Its download or copy did not begin: do it again";
        return Err(Fault::new("it is empty", hint));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(FileFormat::Zip);
    }
    if is_safetensors(&head, length) {
        return Ok(FileFormat::Safetensors);
    }
    // Protocols 2 and later, and protocol 1, which begins with the number that marks the format.
    if (head[0] == 0x80 && head.len() > 2 && head[1] < 6) || head.starts_with(b"L1195470") {
        return Ok(FileFormat::Legacy);
    }
    Err(other(&head, length))
}

/// Says what a file is that holds no tensors.
fn other(head: &[u8], length: u64) -> Fault {
    let start = head.trim_ascii_start();
    let text = String::from_utf8_lossy(start).to_lowercase();
    if start.starts_with(b"version https://git-lfs") {
        let size = text.lines().find_map(|line| line.strip_prefix("size "));
        let size = size.and_then(|size| size.trim().parse::<u64>().ok());
        let of = size.map_or(String::new(), |size| format!(" to a file of {size} bytes"));
        return Fault::new(
            format!("it is a Git LFS pointer{of}, not the file itself"),
            "Fetch the file with git lfs pull, or download it from the hub with hf-hub:owner/name",
        );
    }
    if ["<!doctype html", "<html", "<head"].iter().any(|tag| text.starts_with(tag)) {
        return Fault::new(
            "it is a web page, not a checkpoint",
            "Download the file itself: on the hub its address has /resolve/ and not /blob/, and \
             some servers want a login first",
        );
    }
    if start.starts_with(b"<") {
        let hint = "A server's message may be in it: read it, then download the file itself";
        return Fault::new("it is XML, not a checkpoint", hint);
    }
    if start.starts_with(b"{") || start.starts_with(b"[") {
        let (what, hint) = if text.contains("weight_map") {
            ("the index of a checkpoint in several files", "Give one of the files that it names")
        } else {
            ("JSON text", "A server's message may be in it: read it, or give the checkpoint's file")
        };
        return Fault::new(format!("it is {what}"), hint);
    }
    if let Some((_, what, hint)) = OTHERS.iter().find(|(begin, ..)| head.starts_with(begin)) {
        return Fault::new(format!("it is {what}"), *hint);
    }
    if head.get(257..262) == Some(b"ustar") {
        let hint = "Unpack it; if PyTorch before 0.2 wrote it, load and save it anew in PyTorch";
        return Fault::new("it is a tar archive", hint);
    }
    if head.iter().all(|&byte| byte == 0) {
        let hint = "Its download or copy was not finished: do it again";
        return Fault::new("it begins with zeros only", hint);
    }
    let is_text = |c: char| !c.is_control() || c.is_whitespace();
    if std::str::from_utf8(head).is_ok_and(|text| text.chars().all(is_text)) {
        let line: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
        return Fault::new(format!("it is a text that begins with {line:?}"), EXPECTED);
    }
    let begin: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let begin = begin.join(" ");
    Fault::new(format!("its {length} bytes begin with {begin}, as no checkpoint does"), EXPECTED)
}
