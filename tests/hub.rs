//! Checkpoints from a hub, with servers on this machine in its place. The hub's address is a variable
//! of the whole process, so each download is a job in a process of its own.

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha1::Digest;
use support::server::{
    Fault, Reply, Server, breaks_off, ends_early, falls_silent, ignores_ranges, refuses,
};
use support::{finish_job, names, report, run_job, start_job};
use twoviews::models::{DCL, DCLConfig};
use twoviews::tch::Device;
use twoviews::weights::Weights;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const FILE: &str = "a.ckpt";
const SIZE: usize = 1 << 20;

#[test]
fn job() {
    let Ok(source) = std::env::var("JOB_SOURCE") else { return };
    let variable = |name| std::env::var(name).ok();
    let file = variable("JOB_FILE").unwrap_or_else(|| FILE.to_owned());
    let weights = Weights::new(&source, variable("JOB_MODEL_DIR").map(Into::into), &file);
    if std::env::var("JOB_LOAD").is_ok() {
        let mut model = DCL::new(DCLConfig::tutorial(32), Device::Cpu).unwrap();
        let loaded = weights.and_then(|weights| weights.load_checkpoint(&mut model));
        return report(loaded.map(|()| file));
    }
    let path = weights.and_then(|weights| weights.path());
    report(path.map(|path| path.display().to_string()));
}

fn content() -> Vec<u8> {
    (0..SIZE).map(|i| ((i * i + i / 251) % 253) as u8).collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hub with one file under every name: a large one lies on another server, a small one does not.
struct Hub {
    hub: Server,
    /// The server that has the bytes, if that is another one.
    cdn: Option<Server>,
    etag: String,
}

impl Hub {
    fn large(content: &[u8], faults: Vec<Fault>) -> Self {
        let etag = hex(sha2::Sha256::digest(content));
        let cdn = Server::faulty(content.to_vec(), faults);
        let (address, size, linked) = (cdn.address.clone(), content.len(), etag.clone());
        let hub = Server::new(move |request| {
            if !request.path.contains("/owner/name/resolve/") {
                return Reply::status(404).with("X-Error-Code", "EntryNotFound");
            }
            Reply::status(302)
                .with("Location", format!("{address}/{linked}?signature=1"))
                .with("X-Repo-Commit", COMMIT)
                .with("X-Linked-Size", size)
                .with("X-Linked-Etag", format!("\"{linked}\""))
                .with("ETag", "\"of-the-pointer\"")
        });
        Self { hub, cdn: Some(cdn), etag }
    }

    fn small(content: &[u8], faults: Vec<Fault>) -> Self {
        let git = sha1::Sha1::new_with_prefix(format!("blob {}\0", content.len()));
        let etag = hex(git.chain_update(content).finalize());
        let (content, tag) = (content.to_vec(), etag.clone());
        let faults = std::sync::Mutex::new(faults.into_iter());
        let hub = Server::new(move |request| {
            let reply = Reply::status(307)
                .with("X-Repo-Commit", COMMIT)
                .with("Location", format!("/api/resolve-cache/models/owner/name/{COMMIT}/{FILE}"));
            if request.path.contains("/owner/name/resolve/") {
                return reply;
            }
            let reply = Reply::content(request, &content)
                .with("X-Repo-Commit", COMMIT)
                .with("ETag", format!("W/\"{tag}\""));
            match (request.method.as_str(), faults.lock().unwrap().next()) {
                ("GET", Some(fault)) => fault(request, reply),
                _ => reply,
            }
        });
        Self { hub, cdn: None, etag }
    }

    fn transfers(&self) -> usize {
        match &self.cdn {
            Some(cdn) => cdn.transfers(),
            None => {
                let content = |path: &str| path.starts_with("/api/resolve-cache/");
                let requests = self.hub.requests();
                requests.iter().filter(|r| r.method == "GET" && content(&r.path)).count()
            }
        }
    }

    fn variables<'a>(&'a self, cache: &'a Path) -> Vec<(&'a str, &'a str)> {
        vec![
            ("HF_ENDPOINT", &self.hub.address),
            ("HF_HUB_CACHE", cache.to_str().unwrap()),
            ("JOB_SOURCE", "hf-hub:owner/name"),
        ]
    }
}

fn folder_of(cache: &Path) -> PathBuf {
    cache.join("models--owner--name")
}

/// Names of blobs, without the locks that the crate `hf-hub` leaves, too.
fn blobs(cache: &Path) -> Vec<String> {
    let blobs = folder_of(cache).join("blobs");
    let names = if blobs.exists() { names(&blobs) } else { Vec::new() };
    names.into_iter().filter(|name| !name.ends_with(".lock")).collect()
}

/// What, the part that is there already, and what goes wrong.
type Case = (&'static str, Option<Vec<u8>>, Vec<Fault>);

fn cases(content: &[u8]) -> Vec<Case> {
    let half = || Some(content[..500_000].to_vec());
    let shifted: Fault = Box::new(|request, reply| {
        let from = request.range(SIZE).map_or(0, |(from, _)| from) + 1;
        let range = format!("bytes {from}-{}/{SIZE}", from + 999);
        Reply { body: reply.body[..1000].to_vec(), ..Reply::status(206) }
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

fn write_part(hub: &Hub, cache: &Path, part: &[u8]) {
    let blobs = folder_of(cache).join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(format!("{}.part", hub.etag)), part).unwrap();
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
    // The first answer takes long enough for all to have started.
    let slow: Fault = Box::new(|_, reply| {
        std::thread::sleep(Duration::from_millis(400));
        reply
    });
    let hub = Hub::large(&content, vec![slow]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    variables.push(("TWOVIEWS_TEST_WAIT_FACTOR", "1"));
    let jobs: Vec<_> = (0..8).map(|_| start_job("job", &variables)).collect();
    let mut waited = 0;
    for job in jobs {
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

#[test]
fn the_token_goes_to_the_hub_alone_and_addresses_may_have_a_path() {
    let content = content();
    let hub = Hub::large(&content, vec![]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    let endpoint = format!("{}/mirror/", hub.hub.address);
    variables.extend([
        ("HF_ENDPOINT", endpoint.as_str()),
        ("HF_TOKEN", "hf_secret\n"),
        ("JOB_FILE", "./some folder/ü.ckpt"),
        ("JOB_SOURCE", "hf-hub:owner/name@refs/pr/1"),
    ]);
    let path = run_job("job", &variables).0.unwrap();
    assert!(path.ends_with(&format!("snapshots/{COMMIT}/some folder/ü.ckpt")), "{path}");
    assert!(fs::read(&path).unwrap() == content);
    for request in hub.hub.requests() {
        assert_eq!(request.header("Authorization"), Some("Bearer hf_secret"));
        let expected = "/mirror/owner/name/resolve/refs%2Fpr%2F1/some%20folder/%C3%BC.ckpt";
        assert_eq!(request.path, expected);
    }
    assert!(hub.cdn.unwrap().requests().iter().all(|r| r.header("Authorization").is_none()));
}

#[test]
fn mirrors_without_head_and_revisions_that_move_are_served() {
    let (old, new) = (content(), vec![9; 1000]);
    let body = old.clone();
    let sha = hex(sha2::Sha256::digest(&old));
    let server = Server::new(move |request| match request.method.as_str() {
        "HEAD" => Reply::status(405),
        _ => Reply::content(request, &body).with("X-Repo-Commit", COMMIT).with("ETag", &sha),
    });
    let hub = Hub { hub: server, cdn: None, etag: hex(sha2::Sha256::digest(&old)) };
    let cache = tempfile::tempdir().unwrap();
    let path = run_job("job", &hub.variables(cache.path())).0.unwrap();
    assert!(fs::read(path).unwrap() == old);

    // Between the first question and the transfer the branch gets another commit.
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let (first, then) = (vec![8; 1000], new.clone());
    let server = Server::new(move |request| {
        let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let (content, commit) = if number == 0 {
            (&first, COMMIT.to_owned())
        } else {
            (&then, COMMIT.replace('0', "f"))
        };
        let etag = hex(sha2::Sha256::digest(content));
        Reply::content(request, content).with("X-Repo-Commit", commit).with("ETag", etag)
    });
    let hub = Hub { hub: server, cdn: None, etag: hex(sha2::Sha256::digest(&new)) };
    let cache = tempfile::tempdir().unwrap();
    let path = run_job("job", &hub.variables(cache.path())).0.unwrap();
    assert!(fs::read(&path).unwrap() == new);
    assert!(path.contains(&COMMIT.replace('0', "f")));
    assert_eq!(blobs(cache.path()), std::slice::from_ref(&hub.etag));
}

#[test]
fn the_cache_is_laid_out_as_pythons_and_mended() {
    let content = content();
    let hub = Hub::large(&content, vec![]);
    let cache = tempfile::tempdir().unwrap();
    let variables = hub.variables(cache.path());
    let path = PathBuf::from(run_job("job", &variables).0.unwrap());
    let folder = folder_of(cache.path());
    assert_eq!(path, folder.join("snapshots").join(COMMIT).join(FILE));
    let link = fs::read_link(&path).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(&hub.etag));
    assert_eq!(fs::read_to_string(folder.join("refs/main")).unwrap(), COMMIT);

    // A link whose content was deleted, a damaged content of another commit, and one cut short.
    fs::remove_file(folder.join("blobs").join(&hub.etag)).unwrap();
    assert!(fs::read(run_job("job", &variables).0.unwrap()).unwrap() == content);
    for damaged in [vec![7; SIZE], vec![7; 9]] {
        fs::remove_dir_all(folder.join("refs")).unwrap();
        fs::remove_dir_all(folder.join("snapshots")).unwrap();
        fs::write(folder.join("blobs").join(&hub.etag), damaged).unwrap();
        let (result, said) = run_job("job", &variables);
        assert!(fs::read(result.unwrap()).unwrap() == content);
        assert!(said.contains("damaged in the cache"), "{said}");
    }
    assert_eq!(hub.transfers(), 4);
}

#[test]
fn a_checkpoint_that_an_earlier_version_left_damaged_is_fetched_anew() {
    let content = fs::read("tests/fixtures/weights/odd.ckpt").unwrap();
    let hub = Hub::large(&content, vec![]);
    let cache = tempfile::tempdir().unwrap();
    let mut variables = hub.variables(cache.path());
    let path = run_job("job", &variables).0.unwrap();
    let blob = folder_of(cache.path()).join("blobs").join(&hub.etag);
    fs::write(&blob, &content[..content.len() / 2]).unwrap();
    variables.push(("JOB_LOAD", "1"));
    let offline = [&variables[..], &[("HF_HUB_OFFLINE", "1")]].concat();
    assert!(run_job("job", &offline).0.unwrap_err().starts_with("Format"));
    // The file is right then, and says itself that it is of another model.
    let (result, said) = run_job("job", &variables);
    assert!(result.unwrap_err().contains("does not fit the model"));
    assert!(said.contains("damaged in the cache"), "{said}");
    assert!(fs::read(path).unwrap() == content);
    assert_eq!(hub.transfers(), 2);
    run_job("job", &variables).0.unwrap_err();
    assert_eq!(hub.transfers(), 2, "a right file is not fetched again");
}

#[test]
fn a_cache_filled_under_a_commit_is_found_without_a_network() {
    let cache = tempfile::tempdir().unwrap();
    let folder = folder_of(cache.path());
    let snapshot = folder.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join(FILE), "x").unwrap();
    let find = |source: &str| {
        let cache = cache.path().to_str().unwrap();
        run_job(
            "job",
            &[("JOB_MODEL_DIR", cache), ("JOB_SOURCE", source), ("HF_HUB_OFFLINE", "true")],
        )
        .0
    };
    let expected = snapshot.join(FILE).display().to_string();
    assert_eq!(find(&format!("hf-hub:owner/name@{COMMIT}")), Ok(expected.clone()));
    find("hf-hub:owner/name@v1").unwrap_err();
    fs::create_dir_all(folder.join("refs/some")).unwrap();
    fs::write(folder.join("refs/some/branch"), COMMIT).unwrap();
    assert_eq!(find("hf-hub:owner/name@some/branch"), Ok(expected));
}

/// Python's client as the peer: `TWOVIEWS_TEST_HUB_PYTHON` names a Python with `huggingface_hub`.
fn start_python(hub: &Hub, cache: &Path, revision: &str, offline: bool) -> Option<Child> {
    let Ok(python) = std::env::var("TWOVIEWS_TEST_HUB_PYTHON") else {
        println!("skipped: TWOVIEWS_TEST_HUB_PYTHON names no Python with huggingface_hub");
        return None;
    };
    let script = "import sys, huggingface_hub as h\n\
        print(h.hf_hub_download('owner/name', 'a.ckpt', revision=sys.argv[1], cache_dir=sys.argv[2]))";
    let mut command = Command::new(python);
    command
        .args(["-c", script, revision, cache.to_str().unwrap()])
        .env("HF_ENDPOINT", &hub.hub.address)
        .env("HF_HUB_OFFLINE", if offline { "1" } else { "0" })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(command.spawn().unwrap())
}

fn finish_python(python: Child) -> String {
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_one_side_downloads_the_other_side_finds() {
    let content = content();
    for (large, revision, python_first) in [
        (true, "main", true),
        (true, "main", false),
        (true, COMMIT, true),
        (true, COMMIT, false),
        (false, "refs/pr/1", true),
        (false, "refs/pr/1", false),
    ] {
        let what = format!("{revision}, Python first: {python_first}");
        let hub = if large { Hub::large(&content, vec![]) } else { Hub::small(&content, vec![]) };
        let cache = tempfile::tempdir().unwrap();
        let source = format!("hf-hub:owner/name@{revision}");
        let mut variables = hub.variables(cache.path());
        variables.push(("JOB_SOURCE", &source));
        let python = |offline| start_python(&hub, cache.path(), revision, offline);
        let (ours, theirs) = if python_first {
            let Some(python) = python(false) else { return };
            let theirs = finish_python(python);
            variables.push(("HF_HUB_OFFLINE", "1"));
            (run_job("job", &variables).0.unwrap(), theirs)
        } else {
            let ours = run_job("job", &variables).0.unwrap();
            let Some(offline) = python(true) else { return };
            let theirs = finish_python(offline);
            // Online it finds the file in the cache, too.
            assert_eq!(python(false).map(finish_python).as_ref(), Some(&theirs), "{what}");
            (ours, theirs)
        };
        assert_eq!(ours, theirs, "{what}");
        assert!(fs::read(&ours).unwrap() == content, "{what}");
        assert_eq!(hub.transfers(), 1, "{what}");
    }
}

#[test]
fn both_sides_at_once_make_one_transfer() {
    let content = content();
    for python_first in [true, false] {
        let slow: Fault = Box::new(|_, reply| {
            std::thread::sleep(Duration::from_secs(4));
            reply
        });
        let hub = Hub::large(&content, vec![slow]);
        let cache = tempfile::tempdir().unwrap();
        let mut variables = hub.variables(cache.path());
        variables.push(("TWOVIEWS_TEST_WAIT_FACTOR", "1"));
        let start_ours = || start_job("job", &variables);
        let start_theirs = || start_python(&hub, cache.path(), "main", false);
        let transfer_begins = || {
            let start = Instant::now();
            while hub.transfers() == 0 && start.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let (ours, theirs);
        if python_first {
            let Some(python) = start_theirs() else { return };
            transfer_begins();
            (ours, theirs) = (start_ours(), python);
        } else {
            ours = start_ours();
            transfer_begins();
            let Some(python) = start_theirs() else { return finish_job(ours).0.map(drop).unwrap() };
            theirs = python;
        }
        let (ours, said) = finish_job(ours);
        assert_eq!(ours.unwrap(), finish_python(theirs));
        assert_eq!(hub.transfers(), 1, "Python first: {python_first}");
        assert_eq!(said.contains("Waiting for another process"), python_first, "{said}");
    }
}
