//! The Rust side of `cargo xtask bench --reference`; `reference.py` is the other.
//!
//! ```text
//! reference STAGE VARIANT --data DIR [--threads 2] [--workers 2] [--images N] [--batch B]
//!      [--checkpoint FILE] [--cifar DIR]
//! ```
//!
//! Prints `{"ready": true}` once it is warm, then measures once for every line on standard input:
//! `{"seconds": S, "items": N, "peak_mb": M, ...}`.

mod ceiling;
#[path = "../../tests/support/process_memory.rs"]
mod process_memory;
mod stages;

use std::error::Error;
use std::io::{BufRead, stdin};
use std::path::PathBuf;

use lexopt::prelude::*;
use process_memory::process_memory;
use serde_json::{Value, json};

/// The options, the same on both sides.
#[derive(Clone, Debug)]
pub struct Options {
    stage: String,
    variant: String,
    data: PathBuf,
    threads: i32,
    workers: usize,
    images: usize,
    batch: usize,
    checkpoint: Option<PathBuf>,
    cifar: Option<PathBuf>,
}

/// Measures once.
pub type Measure = Box<dyn FnMut() -> Result<Value, Box<dyn Error>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(options) = parse()? else {
        println!("started by `cargo xtask bench --reference`; see benches/reference/main.rs");
        return Ok(());
    };
    twoviews::tch::set_num_threads(options.threads);
    let mut measure = match options.stage.as_str() {
        "views" => stages::views(&options)?,
        "encode" => stages::encode(&options)?,
        "step" => stages::step(&options)?,
        "probe" => stages::probe(&options)?,
        "tutorial" => stages::tutorial(&options)?,
        "loss" => stages::loss(&options)?,
        "ceiling" => ceiling::ceiling(&options)?,
        other => return Err(format!("unknown stage {other}").into()),
    };
    println!("{}", json!({"ready": true}));
    for line in stdin().lock().lines() {
        line?;
        let mut result = measure()?;
        result["peak_mb"] = peak_mb().into();
        println!("{result}");
    }
    Ok(())
}

fn parse() -> Result<Option<Options>, Box<dyn Error>> {
    let mut options = Options {
        stage: String::new(),
        variant: String::new(),
        data: PathBuf::new(),
        threads: 2,
        workers: 2,
        images: 1024,
        batch: 256,
        checkpoint: None,
        cifar: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(value) if options.stage.is_empty() => options.stage = value.string()?,
            Value(value) => options.variant = value.string()?,
            Long("data") => options.data = arguments.value()?.into(),
            Long("threads") => options.threads = arguments.value()?.parse()?,
            Long("workers") => options.workers = arguments.value()?.parse()?,
            Long("images") => options.images = arguments.value()?.parse()?,
            Long("batch") => options.batch = arguments.value()?.parse()?,
            Long("checkpoint") => options.checkpoint = Some(arguments.value()?.into()),
            Long("cifar") => options.cifar = Some(arguments.value()?.into()),
            // cargo's own
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((!options.stage.is_empty()).then_some(options))
}

/// A figure in MB of this process, such as `VmHWM`, the largest memory so far.
pub fn memory_mb(name: &str) -> u64 {
    process_memory(name).unwrap_or_default() >> 20
}

fn peak_mb() -> u64 {
    memory_mb("VmHWM")
}
