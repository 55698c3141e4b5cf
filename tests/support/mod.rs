//! What several test files need: the fixtures' formula, an archive of formulas, a local server.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use flate2::{Compression, write::GzEncoder};
use tch::{Tensor, nn};

/// The formula of `fixtures/make.py`.
pub fn wave(count: usize, seed: f64) -> Vec<f64> {
    (0..count)
        .map(|i| {
            let i = i as f64;
            (seed + 0.7 * i + (0.05 * i * i).rem_euclid(1000.0)).sin()
        })
        .collect()
}

/// Weights of the formula in `fixtures/make.py`.
pub fn fill(variables: &nn::VarStore) {
    let _guard = tch::no_grad_guard();
    let mut entries: Vec<(String, Tensor)> = variables.variables().into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (i, (name, mut tensor)) in entries.into_iter().enumerate() {
        let shape = tensor.size();
        let value = Tensor::from_slice(&wave(tensor.numel(), i as f64)).view(shape.as_slice());
        let value = if name.ends_with("running_var") {
            1.0 + 0.5 * value
        } else if shape.len() > 1 {
            value * (2.0 / shape[1..].iter().product::<i64>() as f64).sqrt()
        } else if (name.contains("bn") && name.ends_with("weight"))
            || name.contains("downsample.1.weight")
        {
            1.0 + 0.1 * value
        } else {
            0.1 * value
        };
        tensor.copy_(&value);
    }
}

/// A fixture, as JSON.
pub fn fixture(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The numbers of a (nested) JSON array, flattened.
pub fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

/// Fails if the two differ by more than `tolerance` times the largest of `expected`.
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-300, |a: f64, b| a.max(b.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * scale, "{what}[{i}]: {f} instead of {e}");
    }
}

/// Files of an archive in the official layout, `records` images in each batch.
pub fn batches(records: usize) -> Vec<(String, Vec<u8>)> {
    let names = (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".into()]);
    names
        .enumerate()
        .map(|(number, name)| {
            let record = |i: usize| {
                let label = ((i + number) % 10) as u8;
                std::iter::once(label)
                    .chain((0..3072).map(move |p| ((p * 31 + i * 7 + number * 3) % 251) as u8))
            };
            (format!("cifar-10-batches-bin/{name}"), (0..records).flat_map(record).collect())
        })
        .collect()
}

/// A `.tar.gz` of files, with whatever paths they have.
pub fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // `set_path` would refuse a path that leads out of its folder.
        let bytes = name.as_bytes();
        header.as_old_mut().name[..bytes.len()].copy_from_slice(bytes);
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As it should, ranges included.
    Content,
    /// With this status.
    Status(u16),
    /// With the first half, and then the connection ends.
    Half,
}

/// A server on this machine that has one file under every address.
pub struct Server {
    pub address: String,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(content: Vec<u8>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(Answer::Content));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (how, log) = (answer.clone(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let how = *how.lock().unwrap();
                respond(stream, &content, how, &log);
            }
        });
        Self { address, answer, requests }
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// The requests so far: method, path and range.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn respond(mut stream: std::net::TcpStream, content: &[u8], how: Answer, log: &Mutex<Vec<String>>) {
    use std::io::{BufRead, BufReader};
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("range").then(|| value.trim().to_owned())
    });
    log.lock().unwrap().push(format!("{first} {}", range.clone().unwrap_or_default()));
    if let Answer::Status(code) = how {
        let _ =
            write!(stream, "HTTP/1.1 {code} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    let (mut start, mut end) = (0, content.len());
    if let Some((from, to)) =
        range.as_deref().and_then(|r| r.strip_prefix("bytes=")?.split_once('-'))
    {
        start = from.parse().unwrap();
        end = to.parse::<usize>().map_or(end, |to| end.min(to + 1));
    }
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\n\
         X-Repo-Commit: abcdef\r\nETag: \"tag-{}\"\r\nAccept-Ranges: bytes\r\nConnection: close\r\n\r\n",
        end - start,
        end - 1,
        content.len(),
        content.len()
    );
    // Asking for one byte is asking for the size; only a real transfer breaks off.
    let cut = if how == Answer::Half && end - start > 1 { start + (end - start) / 2 } else { end };
    let _ = stream.write_all(&content[start..cut]);
}

/// Names of the files in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
