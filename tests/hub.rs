//! Checkpoints from a hub whose servers misbehave. The hub's address is a variable of the whole
//! process, so each download is a job in a process of its own.

mod support;

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use support::hub::{self, COMMIT, Hub, SIZE, blobs, content, folder_of, write_part};
use support::server::{
    Fault, Reply, Server, breaks_off, ends_early, falls_silent, ignores_ranges, refuses,
};
use support::{finish_job, run_job, start_job};

#[test]
fn job() {
    hub::job();
}

/// What, the part that is there already, and what goes wrong.
type Case = (&'static str, Option<Vec<u8>>, Vec<Fault>);

fn cases(content: &[u8]) -> Vec<Case> {
    let half = || Some(content[..500_000].to_vec());
    let shifted: Fault = Box::new(|request, reply| {
        let from = request.range(SIZE).map_or(0, |(from, _)| from) + 1;
        let range = format!("bytes {from}-{}/{SIZE}", from + 999);
        Reply { body: reply.body[..reply.body.len().min(1000)].to_vec(), ..Reply::status(206) }
            .with("Content-Range", range)
    });
    vec![
        ("nothing", None, vec![]),
        ("a part", half(), vec![]),
        ("a whole part", Some(content.to_vec()), vec![]),
        ("a part too long", Some([content, content].concat()), vec![]),
        ("a wrong part", Some(vec![7; 500_000]), vec![]),
        ("a wrong whole part", Some(vec![7; SIZE]), vec![]),
        ("a part and 503", half(), vec![refuses(503)]),
        ("503 and 429", None, vec![refuses(503), refuses(429)]),
        ("ranges ignored", half(), vec![ignores_ranges(content.to_vec())]),
        ("another range", half(), vec![shifted]),
        ("no such range", half(), vec![refuses(416)]),
        ("broken off", None, vec![breaks_off(300_000), breaks_off(300_000), breaks_off(0)]),
        ("ended early", None, vec![ends_early(300_000), ends_early(1)]),
        ("silence", None, vec![falls_silent(1000)]),
    ]
}

#[test]
fn whatever_a_large_files_server_does_the_right_file_arrives() {
    let content = content();
    for (what, part, faults) in cases(&content) {
        check_arrival(what, part, &Hub::large(&content, faults), &content);
    }
}

#[test]
fn whatever_a_small_files_server_does_the_right_file_arrives() {
    let content = content();
    for (what, part, faults) in cases(&content) {
        check_arrival(what, part, &Hub::small(&content, faults), &content);
    }
}

fn check_arrival(what: &str, part: Option<Vec<u8>>, hub: &Hub, content: &[u8]) {
    let cache = tempfile::tempdir().unwrap();
    if let Some(part) = part {
        write_part(hub, cache.path(), &part);
    }
    let (result, said) = run_job("job", &hub.variables(cache.path()));
    let path = result.unwrap_or_else(|error| panic!("{what}: {error}\n{said}"));
    assert!(fs::read(&path).unwrap() == content, "{what}: other bytes\n{said}");
    assert_eq!(blobs(cache.path()), std::slice::from_ref(&hub.etag), "{what}");
    assert_eq!(said.contains("not right"), what.contains("wrong"), "{what}: {said}");
}

#[test]
fn a_killed_download_goes_on() {
    let content = content();
    let hub = Hub::large(&content, vec![falls_silent(200_000), falls_silent(200_000)]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    variables.push(("TWOVIEWS_TEST_WAIT_FACTOR", "1"));
    let part = folder_of(cache.path()).join("blobs").join(format!("{}.part", hub.etag));
    for kilobytes in [200, 400] {
        let mut job = start_job("job", &variables);
        let start = Instant::now();
        let arrived = || fs::metadata(&part).map_or(0, |part| part.len());
        while arrived() < kilobytes * 1000 && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        job.kill().unwrap();
        job.wait().unwrap();
    }
    let (result, said) = run_job("job", &variables);
    assert!(fs::read(result.unwrap()).unwrap() == content);
    assert!(!said.contains("Waiting"), "a lock ends with its process: {said}");
    let requests = hub.cdn.unwrap().requests();
    let ranges: Vec<_> = requests.iter().map(|request| request.header("Range")).collect();
    assert_eq!(ranges, [None, Some("bytes=200000-"), Some("bytes=400000-")]);
}

#[test]
fn what_is_there_already_is_not_sent_again() {
    let content = content();
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::large(&content, vec![]);
    write_part(&hub, cache.path(), &content[..500_000]);
    run_job("job", &hub.variables(cache.path())).0.unwrap();
    let cdn = hub.cdn.as_ref().unwrap();
    assert_eq!(cdn.requests()[0].header("Range"), Some("bytes=500000-"));
    assert_eq!(hub.transfers(), 1);
    let asked = hub.hub.requests().len();
    run_job("job", &hub.variables(cache.path())).0.unwrap();
    assert_eq!(hub.hub.requests().len(), asked, "what is in the cache is not asked for again");
}

#[test]
fn what_never_becomes_right_is_an_error_and_leaves_nothing_wrong() {
    let content = content();
    let lies = |_: usize| -> Fault {
        Box::new(|_, reply| Reply { body: vec![7; reply.body.len()], ..reply })
    };
    for (what, faults, variant, words, kept) in [
        ("wrong bytes", (0..9).map(lies).collect::<Vec<_>>(), "Checksum", vec!["discarded"], false),
        (
            "refused",
            (0..9).map(|_| refuses(503)).collect(),
            "Download",
            vec!["503", "later"],
            false,
        ),
        ("silent", (0..9).map(|_| falls_silent(1000)).collect(), "Download", vec!["silent"], true),
        (
            "broken",
            (0..9).map(|_| breaks_off(9)).collect(),
            "Download",
            vec!["bytes. Run the same again"],
            true,
        ),
        (
            "page",
            (0..9).map(|_| ignores_ranges(b"<html>".to_vec())).collect(),
            "Download",
            vec!["6 bytes"],
            false,
        ),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::large(&content, faults);
        let start = Instant::now();
        let error = run_job("job", &hub.variables(cache.path())).0.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(30), "{what} took {:?}", start.elapsed());
        assert!(error.starts_with(variant), "{what}: {error}");
        assert!(words.iter().all(|word| error.contains(word)), "{what}: {error}");
        let part = format!("{}.part", hub.etag);
        assert_eq!(blobs(cache.path()), if kept { vec![part] } else { vec![] }, "{what}");
        assert!(!folder_of(cache.path()).join("snapshots").exists(), "{what}");
        if what != "page" && what != "wrong bytes" {
            assert_eq!(hub.transfers(), 6, "{what}: once, and five resumptions");
        }
    }
}

#[test]
fn refusals_and_silence_of_the_hub_itself_are_explained() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().to_str().unwrap();
    let fails = |endpoint: &str, more: &[(&str, &str)]| {
        let mut variables = vec![
            ("HF_ENDPOINT", endpoint),
            ("HF_HUB_CACHE", cache),
            ("JOB_SOURCE", "hf-hub:o/n@v1"),
        ];
        variables.extend(more);
        run_job("job", &variables).0.unwrap_err()
    };
    for (status, words) in [
        (401, ["401", "HF_TOKEN"]),
        (403, ["403", "HF_TOKEN"]),
        (404, ["404 (EntryNotFound)", "revision"]),
        (500, ["500", "later"]),
    ] {
        let server =
            Server::new(move |_| Reply::status(status).with("X-Error-Code", "EntryNotFound"));
        let error = fails(&server.address, &[]);
        assert!(
            error.starts_with("Download: ") && words.iter().all(|w| error.contains(w)),
            "{error}"
        );
        assert_eq!(server.requests().len(), if status == 500 { 6 } else { 1 });
        assert!(server.requests()[0].path.contains("/o/n/resolve/v1/a.ckpt"));
    }
    let other = Server::new(|_| Reply::status(200));
    assert!(fails(&other.address, &[]).contains("no X-Repo-Commit"));
    let evil = Server::new(|_| Reply::status(200).with("X-Repo-Commit", "../../evil"));
    assert!(fails(&evil.address, &[]).contains("../../evil"));
    let evil =
        Server::new(|_| Reply::status(200).with("X-Repo-Commit", COMMIT).with("ETag", "../x"));
    assert!(fails(&evil.address, &[]).contains("../x"));
    // Nobody listens, no such name, and a server that knows no TLS.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // Closed at once, what was not read would make a reset of it.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    for endpoint in ["http://127.0.0.1:1", "http://no-such-host.invalid", &plain] {
        let error = fails(endpoint, &[]);
        assert!(error.contains("Check the network"), "{endpoint}: {error}");
    }
    // A port that accepts and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    assert!(fails(&address, &[]).contains("silent for"));
    let offline = fails(&other.address, &[("HF_HUB_OFFLINE", "1")]);
    assert!(offline.contains("HF_HUB_OFFLINE"), "{offline}");
    let online = fails(&other.address, &[("HF_HUB_OFFLINE", "off")]);
    assert!(online.contains("X-Repo-Commit"), "{online}");
    assert!(fails("hub.example", &[]).starts_with("Parameter: HF_ENDPOINT"));
}

#[test]
fn a_file_without_a_checksum_is_compared_by_size_and_that_is_said() {
    let content = content();
    for (faults, arrives) in
        [(vec![], true), (vec![breaks_off(9)], true), (vec![ends_early(9)], true)]
    {
        let faults = std::sync::Mutex::new(faults.into_iter());
        let body = content.clone();
        let server = Server::new(move |request| {
            let reply = Reply::content(request, &body)
                .with("X-Repo-Commit", COMMIT)
                .with("ETag", "\"opaque-1\"");
            match (request.method.as_str(), faults.lock().unwrap().next()) {
                ("GET", Some(fault)) => fault(request, reply),
                _ => reply,
            }
        });
        let hub = Hub { hub: server, cdn: None, etag: "opaque-1".into() };
        let cache = tempfile::tempdir().unwrap();
        let (result, said) = run_job("job", &hub.variables(cache.path()));
        assert_eq!(result.is_ok_and(|path| fs::read(path).unwrap() == content), arrives);
        assert!(said.contains("no checksum"), "{said}");
    }
    let unsized_ = Server::new(|_| Reply {
        sized: false,
        ..Reply::status(200).with("X-Repo-Commit", COMMIT).with("ETag", "\"opaque-1\"")
    });
    let hub = Hub { hub: unsized_, cdn: None, etag: "opaque-1".into() };
    let cache = tempfile::tempdir().unwrap();
    let error = run_job("job", &hub.variables(cache.path())).0.unwrap_err();
    assert!(error.contains("neither"), "{error}");
}

#[test]
fn of_eight_processes_one_downloads_and_the_others_wait() {
    let content = content();
    // The first answer takes long enough for the others to have started, on a busy machine, too.
    let slow: Fault = Box::new(|_, reply| {
        std::thread::sleep(Duration::from_secs(3));
        reply
    });
    let hub = Hub::large(&content, vec![slow]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    variables.push(("TWOVIEWS_TEST_WAIT_FACTOR", "1"));
    let first = start_job("job", &variables);
    let start = Instant::now();
    while hub.transfers() == 0 && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let others: Vec<_> = (0..7).map(|_| start_job("job", &variables)).collect();
    let mut waited = 0;
    for job in std::iter::once(first).chain(others) {
        let (result, said) = finish_job(job);
        assert!(fs::read(result.unwrap()).unwrap() == content);
        let lines = said.matches("Waiting for another process: it brings a.ckpt").count();
        assert!(lines <= 1, "{said}");
        waited += lines;
    }
    assert_eq!(hub.transfers(), 1);
    assert!(waited > 0);
    assert_eq!(blobs(cache.path()), std::slice::from_ref(&hub.etag));
}

#[test]
fn an_interrupt_is_heard_while_a_server_is_silent_and_while_another_process_downloads() {
    let folder = tempfile::tempdir().unwrap();
    let interrupt = folder.path().join("interrupt");
    let hub = Hub::large(&content(), (0..9).map(|_| falls_silent(1000)).collect());
    let cache = folder.path().join("cache");
    let mut variables = hub.variables(&cache);
    // The true waits: half a minute of silence.
    variables.push(("TWOVIEWS_TEST_WAIT_FACTOR", "1"));
    variables.push(("TWOVIEWS_INTERRUPT_FILE", interrupt.to_str().unwrap()));
    let first = start_job("job", &variables);
    let start = Instant::now();
    while hub.transfers() == 0 && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = start_job("job", &variables);
    std::thread::sleep(Duration::from_secs(1));
    fs::write(&interrupt, "").unwrap();
    let start = Instant::now();
    for job in [first, second] {
        let error = finish_job(job).0.unwrap_err();
        assert!(error.starts_with("Interrupted"), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(hub.transfers(), 1);
}
