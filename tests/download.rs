//! `download` with servers that misbehave.

mod support;

use std::fs;
use std::path::Path;

use support::server::{
    Fault, Reply, Server, breaks_off, ends_early, falls_silent, ignores_ranges, refuses,
};
use support::{names, report, run_job};
use twoviews::data::{download, md5_of};

const SIZE: usize = 300_000;

#[test]
fn job() {
    if let Ok(cases) = std::env::var("JOB_RANDOM_CASES") {
        (0..cases.parse().unwrap()).for_each(random_case);
        return report(Ok("all right".to_owned()));
    }
    let Ok(url) = std::env::var("JOB_URL") else { return };
    let md5 = std::env::var("JOB_MD5").ok();
    let target = std::env::var("JOB_TARGET").unwrap();
    report(download(&url, md5.as_deref(), Path::new(&target)).map(|()| target));
}

fn content() -> Vec<u8> {
    (0..SIZE).map(|i| ((i * i + i / 251) % 253) as u8).collect()
}

/// What, the part that is there already, and what goes wrong.
type Case<'a> = (&'static str, Option<&'a [u8]>, Vec<Fault>);

/// Downloads with a part that is there and a server's faults; what is there then and was said.
fn arrives(
    part: Option<&[u8]>,
    faults: Vec<Fault>,
    checked: bool,
) -> (Result<Vec<u8>, String>, Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    fs::write(&whole, content()).unwrap();
    let md5 = md5_of(&whole).unwrap();
    let target = folder.path().join("data/file");
    fs::create_dir(folder.path().join("data")).unwrap();
    if let Some(part) = part {
        fs::write(folder.path().join("data/file.part"), part).unwrap();
    }
    let server = Server::faulty(content(), faults);
    let mut variables =
        vec![("JOB_URL", server.address.as_str()), ("JOB_TARGET", target.to_str().unwrap())];
    if checked {
        variables.push(("JOB_MD5", &md5));
    }
    let (result, said) = run_job("job", &variables);
    let result = result.map(|target| fs::read(target).unwrap());
    (result, names(&folder.path().join("data")), said)
}

#[test]
fn with_a_checksum_the_right_file_arrives_whatever_happens() {
    let content = content();
    let wrong = vec![7; SIZE];
    let cases: Vec<Case> = vec![
        ("a part", Some(&content[..9]), vec![]),
        ("a whole part", Some(&content), vec![]),
        ("a wrong part", Some(&wrong[..9]), vec![]),
        ("a wrong whole part", Some(&wrong), vec![]),
        ("503", Some(&content[..9]), vec![refuses(503)]),
        ("ranges ignored", Some(&content[..9]), vec![ignores_ranges(content.clone())]),
        ("broken off", None, vec![breaks_off(100_000), breaks_off(0), breaks_off(100_000)]),
        ("ended early", None, vec![ends_early(100_000)]),
        ("silence", None, vec![falls_silent(1000)]),
    ];
    for (what, part, faults) in cases {
        let (result, names, said) = arrives(part, faults, true);
        let arrived = result.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(arrived == content, "{what}: {} bytes\n{said}", arrived.len());
        assert_eq!(names, ["file"], "{what}");
    }
}

#[test]
fn without_a_checksum_the_size_is_compared_and_that_is_said() {
    let content = content();
    let stale: &[u8] = &[7; 1000];
    for (what, part, faults) in [
        ("a part of who knows what", Some(stale), vec![]),
        ("broken off", None, vec![breaks_off(100_000), breaks_off(0)]),
        ("silence", None, vec![falls_silent(1000)]),
    ] {
        let (result, names, said) = arrives(part, faults, false);
        assert!(result.unwrap() == content, "{what}");
        assert_eq!(names, ["file"], "{what}");
        assert!(said.contains("no checksum is known, its size was checked"), "{what}: {said}");
    }
    // The one thing that nobody can know: then it is said.
    let (result, _, said) = arrives(None, vec![ends_early(1000)], false);
    assert_eq!(result.unwrap().len(), 1000);
    assert!(said.contains("may be incomplete"), "{said}");
}

/// A file of any size, a part of it or of something else, up to four faults in any order.
fn random_case(seed: u64) {
    let mut state = seed;
    let mut below = |n: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let size = [0, 1, 65_536, below(9), below(300_000)][below(5)];
    let content: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
    let part = match below(4) {
        0 => None,
        1 => Some(content[..below(size + 1)].to_vec()),
        2 => Some(vec![9; below(2 * size + 2)]),
        _ => Some([&content[..], &content[..below(size + 1)]].concat()),
    };
    let mut early = 0;
    let faults = (0..below(5)).map(|_| -> Fault {
        let after = below(size + 1);
        match below(8) {
            0 => refuses([500, 502, 503, 504, 429, 408][below(6)]),
            1 => Box::new(|request, reply| match request.header("Range") {
                Some(_) => Reply::status(416),
                None => reply,
            }),
            2 => ignores_ranges(content.clone()),
            3 if early == 0 => {
                early += 1;
                ends_early(after)
            }
            4 => falls_silent(after),
            5 => Box::new(|_, reply| {
                Reply { headers: Vec::new(), ..reply }.with("Content-Range", "bytes 3-4/5")
            }),
            _ => breaks_off(after),
        }
    });
    let faults: Vec<Fault> = faults.collect();
    let what = format!("seed {seed}, {size} bytes, part {:?}", part.as_ref().map(Vec::len));
    let folder = tempfile::tempdir().unwrap();
    let (whole, target) = (folder.path().join("whole"), folder.path().join("file"));
    fs::write(&whole, &content).unwrap();
    let md5 = md5_of(&whole).unwrap();
    if let Some(part) = part {
        fs::write(folder.path().join("file.part"), part).unwrap();
    }
    let server = Server::faulty(content.clone(), faults);
    download(&server.address, Some(&md5), &target)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(fs::read(&target).unwrap() == content, "{what}");
    assert_eq!(names(folder.path()), ["file", "whole"], "{what}");
}

#[test]
fn any_part_and_any_faults_end_with_the_right_file() {
    let cases = if std::env::var("TWOVIEWS_LONG").is_ok() { "2000" } else { "60" };
    let variables = [("JOB_RANDOM_CASES", cases), ("TWOVIEWS_TEST_WAIT_FACTOR", "0.005")];
    let (result, said) = run_job("job", &variables);
    assert_eq!(result.as_deref(), Ok("all right"), "{said}");
}

#[test]
fn a_file_that_changes_meanwhile_is_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file");
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::new(move |request| {
        let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let content = vec![if number == 0 { 1 } else { 2 }; SIZE];
        let tag = format!("\"version-{}\"", number.min(1));
        if number == 0 {
            return breaks_off(1000)(request, Reply::content(request, &content).with("ETag", tag));
        }
        // As the standard has it: a range only of the version that was asked for.
        match request.header("If-Range") {
            Some(asked) if asked != tag => Reply { body: content, ..Reply::status(200) },
            _ => Reply::content(request, &content),
        }
    });
    let variables =
        [("JOB_URL", server.address.as_str()), ("JOB_TARGET", target.to_str().unwrap())];
    run_job("job", &variables).0.unwrap();
    assert!(fs::read(target).unwrap() == vec![2; SIZE]);
}

#[test]
fn failures_are_typed_and_keep_the_part_only_if_it_is_of_use() {
    let many = |fault: fn() -> Fault| (0..9).map(|_| fault()).collect::<Vec<_>>();
    for (what, faults, words, kept) in [
        ("refused", many(|| refuses(503)), ["Download", "503"], false),
        ("gone", many(|| refuses(404)), ["Download", "404"], false),
        ("silent", many(|| falls_silent(1000)), ["Download", "silent"], true),
        ("broken", many(|| breaks_off(9)), ["Download", "bytes. Run the same again"], true),
        ("wrong", many(|| ignores_ranges(vec![7; SIZE])), ["Checksum", "discarded"], false),
    ] {
        let (result, names, _) = arrives(None, faults, true);
        let error = result.unwrap_err();
        assert!(words.iter().all(|word| error.contains(word)), "{what}: {error}");
        let expected: &[&str] = if kept { &["file.part"] } else { &[] };
        assert_eq!(names, expected, "{what}");
    }
}

/// A port whose queue of connections is full: the next one is neither accepted nor refused.
#[cfg(target_os = "linux")]
#[test]
#[allow(unsafe_code, reason = "the standard library chooses the length of the queue itself")]
fn a_server_that_accepts_no_connection_is_given_up() {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::time::{Duration, Instant};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: the descriptor is the listener's, which lives to the end of this test.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let waiting: Vec<_> = (0..9).map_while(|_| connect().ok()).collect();
    assert!(waiting.len() < 9, "the queue is never full");

    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file");
    let url = format!("http://{address}/file");
    let start = Instant::now();
    let variables = [("JOB_URL", url.as_str()), ("JOB_TARGET", target.to_str().unwrap())];
    let error = run_job("job", &variables).0.unwrap_err();
    assert!(
        error.contains("no connection within") && error.contains("Check the network"),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(names(folder.path()).is_empty());
}
