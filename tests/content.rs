//! What a file is, its content says: checkpoints under any name, and other files named as what they
//! are.

#[path = "support/torch_save.rs"]
mod torch_save;

use std::fs;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};
use torch_save::{archive, checkpoint, dict, pickle, tensor, text};
use twoviews::Error;
use twoviews::weights::{StateDict, read_state_dict, save_state_dict};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name)
}

#[test]
fn the_name_of_a_file_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let safetensors = folder.path().join("model");
    let own = StateDict::from([("w".to_owned(), Tensor::ones([2], (Kind::Float, Device::Cpu)))]);
    save_state_dict(&own, &safetensors).unwrap();
    let lightning = fs::read(fixture("odd.ckpt")).unwrap();
    let plain = fs::read(fixture("odd.pt")).unwrap();
    let safetensors = fs::read(safetensors).unwrap();
    for name in ["a.ckpt", "a.pt", "a.pth", "a.bin", "a.safetensors", "a.tar", "a", "a.b.c"] {
        let path = folder.path().join(name);
        for (content, count) in [(&lightning, 6), (&plain, 6), (&safetensors, 1)] {
            fs::write(&path, content).unwrap();
            assert_eq!(read_state_dict(&path).unwrap().len(), count, "{name}");
        }
    }
}

/// Each with words that name what it is, and whether to get it again is the right advice.
#[test]
fn other_files_are_named_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("odd.ckpt")).unwrap();
    let one = |value: Vec<u8>| checkpoint(&pickle(&value), &[&[1.0]]);
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 44827193\n";
    let html = "<!DOCTYPE html>\n<html><head><title>Not found</title></head></html>";
    let index = r#"{"metadata": {}, "weight_map": {"w": "model-00001-of-00002.safetensors"}}"#;
    let numpy = archive(&[("xtr.npy", b"\x93NUMPY")]);
    let object = [b"csomewhere\nModel\n)\x81".to_vec(), dict(&[]), b"b".to_vec()].concat();
    let safetensors = [&40u64.to_le_bytes()[..], b"{\"w\":{\"dtype\":\"F32\",\"shape\""].concat();
    let cases: Vec<(&str, Vec<u8>, &[&str], bool)> = vec![
        ("empty", Vec::new(), &["it is empty"], true),
        ("lfs", lfs.into(), &["Git LFS pointer", "44827193 bytes", "git lfs pull"], false),
        ("html", html.into(), &["web page", "/resolve/"], false),
        ("html in capitals", "\n <HTML>".into(), &["web page"], false),
        ("xml", "<?xml version='1.0'?><Error/>".into(), &["XML"], false),
        ("json", r#"{"error": "Entry not found"}"#.into(), &["JSON"], false),
        ("index", index.into(), &["several files"], false),
        ("text", "weights go here\n".into(), &["text", "weights go here"], false),
        ("zeros", vec![0; 1000], &["zeros only"], true),
        ("gzip", b"\x1f\x8b\x08\0".to_vec(), &["gzip", "Unpack"], false),
        ("hdf5", b"\x89HDF\r\n\x1a\n".to_vec(), &["HDF5", "torch.save"], false),
        ("other", vec![0xff; 100], &["100 bytes begin with ff ff"], false),
        ("numpy", numpy, &["NumPy arrays", "xtr.npy"], false),
        ("zip", archive(&[("a/b.txt", b"x")]), &["zip archive of other files", "a/b.txt"], false),
        ("pickle", pickle(b"}"), &["a pickle, but not one of torch.save"], false),
        ("half a zip", whole[..whole.len() / 2].to_vec(), &["ends before the list"], true),
        ("half safetensors", safetensors, &["cut off"], true),
        ("one tensor", one(tensor(0, 0, &[1], &[1])), &["one tensor without a name"], false),
        ("text value", one(text("no")), &["one value", "state_dict()"], false),
        ("no tensors", one(dict(&[("epoch", b"K\x01".to_vec())])), &["keys are epoch"], false),
        ("an object", one(object), &["an object of the class somewhere.Model"], false),
    ];
    for (name, content, words, again) in cases {
        let path = folder.path().join("model.ckpt");
        fs::write(&path, content).unwrap();
        let error = read_state_dict(&path).expect_err(name);
        assert!(matches!(error, Error::Format { .. }), "{name}: {error}");
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "{name}: {message}");
        }
        assert!(message.contains("model.ckpt"), "{name}: {message}");
        let advises = message.contains("again");
        assert_eq!(advises, again, "{name}: {message}");
    }
    let error = read_state_dict(folder.path()).unwrap_err().to_string();
    assert!(error.contains("it is a folder"), "{error}");
    let error = read_state_dict(&folder.path().join("none")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}
