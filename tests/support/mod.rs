//! What several test files need: the fixtures' formula, an archive of formulas, a local server.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub mod failing;
pub mod formula;
pub mod hub;
pub mod server;

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

/// Names of the files in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Starts this test program once more, to run its test `job` with variables of its own: variables
/// are the whole process's, and so are locks and interrupts.
pub fn start_job(job: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", job, "--nocapture", "--test-threads=1"]);
    for name in ["HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"] {
        command.env_remove(name);
    }
    command
        .env("TWOVIEWS_TEST_JOB", job)
        .env("TWOVIEWS_TEST_WAIT_FACTOR", "0.03")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a job and gives what it [`report`]ed, and what it said besides.
pub fn finish_job(job: Child) -> (Result<String, String>, String) {
    let Output { stdout, stderr, .. } = job.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let line = |word: &str| stdout.lines().find_map(|line| line.strip_prefix(word));
    let result = match (line("JOB OK "), line("JOB ERROR ")) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, Some(text)) => Err(text.to_owned()),
        (None, None) => panic!("the job reported nothing:\n{stdout}\n{stderr}"),
    };
    (result, stderr.into_owned())
}

/// Runs a job to its end.
pub fn run_job(job: &str, variables: &[(&str, &str)]) -> (Result<String, String>, String) {
    finish_job(start_job(job, variables))
}

/// Tells whoever started this job how it went; an error with its variant's name.
pub fn report(result: Result<String, twoviews::Error>) {
    use twoviews::Error;
    match result {
        Ok(text) => println!("\nJOB OK {text}"),
        Err(error) => {
            let variant = match &error {
                Error::Download { .. } => "Download",
                Error::Checksum { .. } => "Checksum",
                Error::Interrupted { .. } => "Interrupted",
                Error::Io { .. } => "Io",
                Error::Format { .. } => "Format",
                Error::Parameter { .. } => "Parameter",
                _ => "other",
            };
            println!("\nJOB ERROR {variant}: {}", error.to_string().replace('\n', " "));
        }
    }
}
