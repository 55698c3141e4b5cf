//! CIFAR-10 from archives and folders, good and bad.

mod support;

use std::fs;
use std::path::Path;

use support::{Answer, Server, archive, batches, names};
use twoviews::Error;
use twoviews::data::{Cifar10, Cifar10Config, md5_of};

fn config(folder: &Path, url: &str) -> Cifar10Config {
    Cifar10Config { data_dir: Some(folder.to_owned()), url: Some(url.to_owned()), md5: None }
}

/// Loads an archive that lies in a folder of its own.
fn load_archive(content: &[u8]) -> (Result<Cifar10, Error>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), content).unwrap();
    (Cifar10::load(&config(folder.path(), "http://127.0.0.1:1/none")), folder)
}

#[test]
fn records_become_images_in_row_column_channel_order() {
    let files = batches(3);
    let (cifar10, folder) = load_archive(&archive(&files));
    let cifar10 = cifar10.unwrap();
    assert_eq!((cifar10.train.len(), cifar10.test.len()), (15, 3));
    let record = &files[1].1[2 * 3073..];
    assert_eq!(cifar10.train.targets()[5], record[0]);
    let pixels = cifar10.train.pixels(5);
    for (row, column, channel) in [(0, 0, 0), (0, 1, 2), (31, 7, 1), (31, 31, 2)] {
        let planar = 1 + channel * 1024 + row * 32 + column;
        assert_eq!(pixels[(row * 32 + column) * 3 + channel], record[planar]);
    }
    assert_eq!(cifar10.train.class_name(0), "airplane");
    assert_eq!(names(folder.path()), ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);
}

#[test]
fn a_download_happens_once_and_a_broken_one_goes_on() {
    let content = archive(&batches(40));
    let server = Server::start(content.clone());
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::write(&source, &content).unwrap();
    let md5 = md5_of(&source).unwrap();
    fs::remove_file(&source).unwrap();
    let url = format!("{}/cifar-10-binary.tar.gz", server.address);
    let config = Cifar10Config { md5: Some(md5), ..config(folder.path(), &url) };

    server.answer(Answer::Half);
    let error = Cifar10::load(&config).unwrap_err();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert_eq!(names(folder.path()), ["cifar-10-binary.tar.gz.part"]);

    server.answer(Answer::Content);
    Cifar10::load(&config).unwrap();
    let last = server.requests().pop().unwrap();
    assert!(last.contains(&format!("bytes={}-", content.len() / 2)), "{last}");
    assert_eq!(names(folder.path()), ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);

    let before = server.requests().len();
    Cifar10::load(&config).unwrap();
    assert_eq!(server.requests().len(), before);
}

#[test]
fn servers_that_refuse_are_quoted() {
    let server = Server::start(Vec::from("x"));
    for code in [401, 404, 500] {
        server.answer(Answer::Status(code));
        let folder = tempfile::tempdir().unwrap();
        let error = Cifar10::load(&config(folder.path(), &server.address)).unwrap_err().to_string();
        assert!(error.contains(&code.to_string()) && error.contains(&server.address), "{error}");
        assert!(names(folder.path()).is_empty());
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Cifar10::load(&config(folder.path(), "http://127.0.0.1:1/x")).unwrap_err();
    assert!(error.to_string().contains("Check the network"), "{error}");
}

#[test]
fn a_wrong_checksum_is_refused_and_the_file_discarded() {
    let server = Server::start(archive(&batches(2)));
    let folder = tempfile::tempdir().unwrap();
    let wrong =
        Cifar10Config { md5: Some("0".repeat(32)), ..config(folder.path(), &server.address) };
    assert!(matches!(Cifar10::load(&wrong), Err(Error::Checksum { .. })));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_file_address_works() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("somewhere.tar.gz");
    fs::write(&source, archive(&batches(2))).unwrap();
    let url = format!("file://{}", source.display());
    let cifar10 = Cifar10::load(&config(&folder.path().join("data"), &url)).unwrap();
    assert_eq!(cifar10.test.len(), 2);
    let url = format!("file://{}/none", folder.path().display());
    let error = Cifar10::load(&config(&folder.path().join("other"), &url)).unwrap_err();
    assert!(matches!(error, Error::Io { action: "read", .. }), "{error}");
    assert!(names(&folder.path().join("other")).is_empty());
}

#[test]
fn damaged_archives_are_refused_and_leave_nothing_behind() {
    let good = batches(2);
    let whole = archive(&good);
    let with = |name: &str, content: Vec<u8>| {
        let mut files = good.clone();
        files[5] = (name.to_owned(), content);
        archive(&files)
    };
    let test = "cifar-10-batches-bin/test_batch.bin";
    let mut label = good[5].1.clone();
    label[3073] = 10;
    for (what, content, word) in [
        ("truncated", whole[..whole.len() / 2].to_vec(), "truncated"),
        ("outside", with("../evil.bin", good[5].1.clone()), "outside"),
        ("absolute", with("/tmp/evil.bin", good[5].1.clone()), "outside"),
        ("short record", with(test, good[5].1[1..].to_vec()), "whole number of records"),
        ("label", with(test, label), "record 1 has the label 10"),
        ("too large", with(test, vec![0; 3073 * 10_001]), "more than"),
        ("text", b"<html></html>".to_vec(), "truncated or damaged"),
    ] {
        let (result, folder) = load_archive(&content);
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{what}: {error}");
        assert!(error.to_string().contains(word), "{what}: {error}");
        assert!(names(folder.path()).iter().all(|name| !name.contains("tmp")), "{what}");
    }
    let (result, _folder) = load_archive(&archive(&good[..5]));
    assert!(result.unwrap_err().to_string().contains("test_batch.bin"));
}

#[test]
fn a_folder_that_cannot_be_written_is_read_from_or_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), archive(&batches(2))).unwrap();
    // A file stands where the folder should be made: that also stops a superuser.
    fs::write(folder.path().join("cifar-10-batches-bin"), "in the way").unwrap();
    let cifar10 = Cifar10::load(&config(folder.path(), "http://127.0.0.1:1/x")).unwrap();
    assert_eq!(cifar10.train.len(), 10);
    assert_eq!(names(folder.path()), ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);
    let server = Server::start(Vec::from("x"));
    let inside_a_file = folder.path().join("cifar-10-batches-bin/deeper");
    let error = Cifar10::load(&config(&inside_a_file, &server.address)).unwrap_err().to_string();
    assert!(error.contains("TWOVIEWS_DATA"), "{error}");
}

#[test]
fn real_data_are_read_where_there_are_any() {
    let Some(folder) = std::env::var_os("TWOVIEWS_TEST_DATA") else {
        println!("skipped: TWOVIEWS_TEST_DATA names no folder with CIFAR-10");
        return;
    };
    let config = Cifar10Config { data_dir: Some(folder.into()), ..Default::default() };
    let cifar10 = Cifar10::load(&config).unwrap();
    assert_eq!((cifar10.train.len(), cifar10.test.len()), (50_000, 10_000));
    let mut counts = [0; 10];
    cifar10.train.targets().iter().for_each(|&target| counts[usize::from(target)] += 1);
    assert_eq!(counts, [5_000; 10]);
    // The published means of the training images.
    for (channel, mean) in [0.4914, 0.4822, 0.4465].into_iter().enumerate() {
        let sum: u64 = (0..50_000)
            .flat_map(|i| cifar10.train.pixels(i).iter().skip(channel).step_by(3))
            .map(|&value| u64::from(value))
            .sum();
        assert!((sum as f64 / (255.0 * 1024.0 * 50_000.0) - mean).abs() < 5e-5);
    }
}
