//! One program that measures whenever it is asked to: the Rust side or the Python side.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A running side; ended when this is dropped.
pub(super) struct Worker {
    name: String,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts `command` and waits until it is warm.
    pub(super) fn start(name: &str, mut command: Command) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let output = BufReader::new(process.stdout.take().context("no standard output")?);
        let input = process.stdin.take();
        let mut worker = Self { name: name.to_owned(), process, input, output };
        let ready = worker.read()?;
        ensure!(ready["ready"] == true, "{name} said {ready} instead of being ready");
        Ok(worker)
    }

    /// One measurement.
    pub(super) fn measure(&mut self) -> Result<Value> {
        let input = self.input.as_mut().context("no standard input")?;
        input.write_all(b"go\n").and_then(|()| input.flush()).with_context(|| self.name.clone())?;
        self.read()
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "{} ended early; its message stands above", self.name);
        serde_json::from_str(&line).with_context(|| format!("{} said {line:?}", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without input it ends by itself; one that hangs is ended.
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
