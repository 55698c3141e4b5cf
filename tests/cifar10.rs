//! CIFAR-10 from archives and folders, good and bad.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::server::{Reply, Server};
use support::{archive, batches, finish_job, names, report, run_job, start_job};
use twoviews::Error;
use twoviews::data::{Cifar10, Cifar10Config};

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

/// Loads what the variables name, in a process of its own.
#[test]
fn job() {
    if std::env::var("TWOVIEWS_TEST_JOB").is_ok() {
        let cifar10 = Cifar10::load(&Cifar10Config::default());
        report(cifar10.map(|cifar10| format!("{cifar10:?}")));
    }
}

#[test]
fn of_eight_processes_one_downloads_and_unpacks() {
    let content = archive(&batches(40));
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.tar.gz");
    fs::write(&source, &content).unwrap();
    let server = Server::faulty(
        content,
        vec![Box::new(|_, reply| {
            std::thread::sleep(std::time::Duration::from_millis(400));
            reply
        })],
    );
    let file = format!("file://{}", source.display());
    for url in [&server.address, &file] {
        let data = folder.path().join(if url == &file { "file" } else { "http" });
        let variables = [
            ("TWOVIEWS_DATA", data.to_str().unwrap()),
            ("TWOVIEWS_CIFAR10_URL", url),
            ("TWOVIEWS_TEST_WAIT_FACTOR", "1"),
        ];
        let jobs: Vec<_> = (0..8).map(|_| start_job("job", &variables)).collect();
        for job in jobs {
            let (result, said) = finish_job(job);
            assert!(result.unwrap().contains("200 train and 40 test"), "{said}");
        }
        assert_eq!(names(&data), ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);
    }
    assert_eq!(server.transfers(), 1);
}

#[test]
fn what_a_killed_process_left_is_not_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), archive(&batches(3))).unwrap();
    fs::create_dir(folder.path().join("cifar-10-batches-bin.tmp")).unwrap();
    fs::write(folder.path().join("cifar-10-batches-bin.tmp/data_batch_9.bin"), "x").unwrap();
    fs::write(folder.path().join("cifar-10-batches-bin.lock"), "").unwrap();
    Cifar10::load(&config(folder.path(), "http://127.0.0.1:1/none")).unwrap();
    assert_eq!(names(folder.path()), ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);
    assert_eq!(names(&folder.path().join("cifar-10-batches-bin")).len(), 7);
}

#[test]
fn servers_that_refuse_are_quoted() {
    for code in [401, 404, 500] {
        let server = Server::new(move |_| Reply::status(code));
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let variables = [("TWOVIEWS_DATA", data), ("TWOVIEWS_CIFAR10_URL", &server.address)];
        let error = run_job("job", &variables).0.unwrap_err();
        assert!(error.contains(&code.to_string()) && error.contains(&server.address), "{error}");
        assert!(names(folder.path()).is_empty());
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Cifar10::load(&config(folder.path(), "http://127.0.0.1:1/x")).unwrap_err();
    assert!(error.to_string().contains("Check the network"), "{error}");
    let error = Cifar10::load(&config(folder.path(), "/data/cifar-10.tar.gz")).unwrap_err();
    assert!(error.to_string().contains("file:///data/cifar-10.tar.gz"), "{error}");
}

#[test]
fn a_wrong_checksum_is_refused_and_the_file_discarded() {
    let server = Server::faulty(archive(&batches(2)), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let wrong =
        Cifar10Config { md5: Some("0".repeat(32)), ..config(folder.path(), &server.address) };
    assert!(matches!(Cifar10::load(&wrong), Err(Error::Checksum { .. })));
    assert!(names(folder.path()).is_empty());
}

/// A folder into which a good archive was unpacked, with or without the archive.
fn unpacked(records: usize) -> (tempfile::TempDir, std::path::PathBuf, Cifar10Config) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), archive(&batches(records))).unwrap();
    let config = config(folder.path(), "http://127.0.0.1:1/none");
    Cifar10::load(&config).unwrap();
    let unpacked = folder.path().join("cifar-10-batches-bin");
    (folder, unpacked, config)
}

/// Something that happens to unpacked files.
type Damage = (&'static str, fn(&Path));

const DAMAGE: [Damage; 6] = [
    ("a missing test batch", |folder| fs::remove_file(folder.join("test_batch.bin")).unwrap()),
    ("missing training batches", |folder| {
        fs::remove_file(folder.join("data_batch_1.bin")).unwrap();
        fs::remove_file(folder.join("data_batch_4.bin")).unwrap();
    }),
    ("a short batch", |folder| {
        let path = folder.join("data_batch_3.bin");
        let content = fs::read(&path).unwrap();
        fs::write(path, &content[..7 * 3073]).unwrap();
    }),
    ("half a record", |folder| {
        let path = folder.join("data_batch_2.bin");
        let content = fs::read(&path).unwrap();
        fs::write(path, &content[..content.len() - 1]).unwrap();
    }),
    ("an empty batch", |folder| fs::write(folder.join("test_batch.bin"), "").unwrap()),
    ("one other byte", |folder| {
        let path = folder.join("data_batch_5.bin");
        let mut content = fs::read(&path).unwrap();
        content[5000] ^= 1;
        fs::write(path, content).unwrap();
    }),
];

#[test]
fn damaged_batches_are_mended_from_the_archive() {
    for noted in [true, false] {
        for (what, damage) in DAMAGE {
            let (folder, unpacked, config) = unpacked(10);
            if !noted {
                fs::remove_file(unpacked.join("checksums.sfv")).unwrap();
            }
            damage(&unpacked);
            let cifar10 = Cifar10::load(&config).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!((cifar10.train.len(), cifar10.test.len()), (50, 10), "{what}");
            assert_eq!(cifar10.folder, unpacked, "{what}");
            for (name, content) in batches(10) {
                let there = fs::read(folder.path().join(&name)).unwrap();
                assert!(there == content, "{what}: {name}, checksums noted: {noted}");
            }
            assert_eq!(names(folder.path()), ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);
        }
    }
}

#[test]
fn damage_without_an_archive_is_an_error_that_names_it() {
    for (what, damage) in DAMAGE {
        let (folder, unpacked, config) = unpacked(10);
        fs::remove_file(folder.path().join("cifar-10-binary.tar.gz")).unwrap();
        assert_eq!(Cifar10::load(&config).unwrap().train.len(), 50, "the archive is not needed");
        damage(&unpacked);
        let error = Cifar10::load(&config).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{what}: {error}");
        let text = error.to_string();
        assert!(text.contains("batch_") || text.contains("_batch"), "{what}: {text}");
        assert!(text.contains("Check the network"), "{what}: {text}");
    }
}

#[test]
fn the_unpacked_folder_itself_may_be_given() {
    for (what, damage) in DAMAGE {
        let (_folder, unpacked, mut config) = unpacked(10);
        config.data_dir = Some(unpacked.clone());
        assert_eq!(Cifar10::load(&config).unwrap().folder, unpacked);
        damage(&unpacked);
        let cifar10 = Cifar10::load(&config).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((cifar10.train.len(), cifar10.folder), (50, unpacked));
    }
}

#[test]
fn files_of_another_origin_than_the_archive_are_left_alone() {
    let (folder, unpacked, config) = unpacked(10);
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), archive(&batches(3))).unwrap();
    fs::remove_file(unpacked.join("checksums.sfv")).unwrap();
    for _ in 0..2 {
        assert_eq!(Cifar10::load(&config).unwrap().train.len(), 50);
        assert!(unpacked.join("checksums.sfv").exists(), "it is compared once");
    }
}

#[test]
fn a_folder_that_may_only_be_read_is_read_as_it_is() {
    let (folder, unpacked, config) = unpacked(10);
    let only_read = |path: &Path, only: bool| {
        fs::set_permissions(path, PermissionsExt::from_mode(if only { 0o555 } else { 0o755 }))
            .unwrap();
    };
    fs::remove_file(unpacked.join("checksums.sfv")).unwrap();
    for path in [&unpacked, folder.path()] {
        only_read(path, true);
    }
    // The superuser may write all the same; then the checksums are noted.
    assert_eq!(Cifar10::load(&config).unwrap().train.len(), 50);
    for path in [&unpacked, folder.path()] {
        only_read(path, false);
    }
    let names = names(folder.path());
    assert_eq!(names, ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]);
}

#[test]
fn a_file_address_works() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("some where.tar.gz");
    fs::write(&source, archive(&batches(2))).unwrap();
    let url = format!("file://{}/some%20where.tar.gz", folder.path().display());
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
    let mut trailer = whole.clone();
    let checksum = trailer.len() - 8;
    trailer[checksum] ^= 1;
    for (what, content, word) in [
        ("truncated", whole[..whole.len() / 2].to_vec(), "truncated"),
        ("another checksum of the stream", trailer, "damaged"),
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
    let server = Server::faulty(Vec::from("x"), vec![]);
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
