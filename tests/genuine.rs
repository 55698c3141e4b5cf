//! Checkpoints that PyTorch wrote, with everything that programs put beside the weights.

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use serde_json::Value;
use tch::{Kind, Tensor};
use twoviews::weights::read_state_dict;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights")
}

/// A Python with PyTorch, for the tests that take long.
fn python() -> Option<std::ffi::OsString> {
    let python = std::env::var_os("TWOVIEWS_TEST_PYTHON");
    if std::env::var_os("TWOVIEWS_LONG").is_none_or(|long| long != "1") || python.is_none() {
        println!(
            "skipped: TWOVIEWS_LONG is not 1, or TWOVIEWS_TEST_PYTHON names no Python with torch"
        );
        return None;
    }
    python
}

/// Kind, shape and MD5 of the numbers, as `genuine.py` describes a tensor.
fn described(tensor: &Tensor) -> (String, Vec<i64>, String) {
    let kind = match tensor.kind() {
        Kind::Float => "float32",
        Kind::Double => "float64",
        Kind::Half => "float16",
        Kind::BFloat16 => "bfloat16",
        Kind::Int64 => "int64",
        Kind::Int => "int32",
        Kind::Int16 => "int16",
        Kind::Int8 => "int8",
        Kind::Uint8 => "uint8",
        Kind::Bool => "bool",
        Kind::ComplexFloat => "complex64",
        Kind::ComplexDouble => "complex128",
        Kind::ComplexHalf => "complex32",
        Kind::Float8e4m3fn => "float8_e4m3fn",
        Kind::Float8e5m2 => "float8_e5m2",
        Kind::Float8e4m3fnuz => "float8_e4m3fnuz",
        Kind::Float8e5m2fnuz => "float8_e5m2fnuz",
        other => panic!("{other:?}"),
    };
    let rows = tensor.contiguous();
    let mut bytes = vec![0; rows.numel() * rows.kind().elt_size_in_bytes()];
    if !bytes.is_empty() {
        rows.copy_data_u8(&mut bytes, rows.numel());
    }
    (kind.to_owned(), tensor.size(), format!("{:x}", Md5::digest(&bytes)))
}

/// What differs from PyTorch's reading, for each file of a folder that `genuine.py` wrote.
fn differences(folder: &Path) -> (usize, Vec<String>) {
    let (mut count, mut found) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let about = entry.unwrap().path();
        if about.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let json: Value = serde_json::from_slice(&std::fs::read(&about).unwrap()).unwrap();
        let path = about.with_extension("").join(json["file"].as_str().unwrap());
        count += 1;
        let expected = json["tensors"].as_object().unwrap();
        let tensors = match read_state_dict(&path) {
            Ok(tensors) => tensors,
            Err(error) => {
                found.push(format!("{error} ({})", json["beside"]));
                continue;
            }
        };
        let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
        let (mut ours, mut theirs) =
            (names(tensors.keys().collect()), names(expected.keys().collect()));
        ours.sort();
        theirs.sort();
        if ours != theirs {
            found.push(format!("{}: {ours:?} instead of {theirs:?}", path.display()));
            continue;
        }
        for (name, tensor) in &tensors {
            let (kind, shape, md5) = described(tensor);
            let ours = serde_json::json!({"kind": kind, "shape": shape, "md5": md5});
            if ours != expected[name] {
                let theirs = &expected[name];
                found.push(format!("{}: {name} is {ours} instead of {theirs}", path.display()));
            }
        }
    }
    (count, found)
}

/// Small files: each sort of foreign object, views, kinds, the other byte order, modules that were
/// saved whole, and names of 1 to 200 characters.
#[test]
fn small_files_of_pytorch_have_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let archive = std::fs::File::open(fixtures().join("genuine.tar.gz")).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(folder.path()).unwrap();
    let (count, found) = differences(folder.path());
    assert!(count > 140, "{count}");
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_thousand_files_of_pytorch_have_its_values() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let status = std::process::Command::new(python)
        .arg(fixtures().join("genuine.py"))
        .arg(folder.path())
        .arg("1000")
        .env_remove("LD_LIBRARY_PATH")
        .status()
        .unwrap();
    assert!(status.success());
    let (count, found) = differences(folder.path());
    assert_eq!(count, 1000);
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found.join("\n"));
}
