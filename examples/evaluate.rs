//! The tutorial's pretrained path as a plain program: images, encoder, checkpoint, linear probe.
//!
//! ```text
//! cargo run --release --example evaluate -- --data DIR_OR_URL --checkpoint FILE
//!     --method {simclr,dcl} [--solver {newton,lbfgs}] [--max-iter 500] [--latent-size 128]
//!     [--rename FROM=TO]... [--json] [--dump FILE.npz]
//! ```
//!
//! `--rename` is for files that name their tensors otherwise: `--rename module.=` takes off a
//! beginning, `--rename backbone.=encoder.` changes it; other tensors are then left out.

#[path = "../tests/support/process_memory.rs"]
mod process_memory;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lexopt::prelude::*;
use ndarray_npy::NpzWriter;
use process_memory::process_memory;
use twoviews::ndarray::{Array1, Array2};
use twoviews::prelude::*;
use twoviews::probes::FittedLogisticRegression;

const USAGE: &str = "usage: evaluate --data DIR_OR_URL --checkpoint FILE --method {simclr,dcl} \
[--solver {newton,lbfgs}] [--max-iter N] [--latent-size N] [--rename FROM=TO]... [--json] \
[--dump FILE.npz]";

struct Options {
    data: String,
    checkpoint: PathBuf,
    method: String,
    probe: LogisticRegression,
    latent_size: i64,
    load: LoadOptions,
    json: bool,
    dump: Option<PathBuf>,
}

fn main() {
    if let Err(error) = parse().and_then(|options| run(&options)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn parse() -> Result<Options, Box<dyn Error>> {
    let (mut data, mut checkpoint, mut method) = (None, None, None);
    let mut probe = LogisticRegression { max_iter: 500, ..Default::default() };
    let (mut latent_size, mut json, mut dump) = (128, false, None);
    let mut load = LoadOptions::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("data") => data = Some(arguments.value()?.string()?),
            Long("checkpoint") => checkpoint = Some(PathBuf::from(arguments.value()?)),
            Long("method") => method = Some(arguments.value()?.string()?.to_lowercase()),
            Long("solver") => {
                probe.solver = match arguments.value()?.string()?.to_lowercase().as_str() {
                    "newton" => Solver::Newton,
                    "lbfgs" => Solver::Lbfgs,
                    other => return Err(format!("--solver {other}: newton or lbfgs").into()),
                }
            }
            Long("max-iter") => probe.max_iter = arguments.value()?.parse()?,
            Long("latent-size") => latent_size = arguments.value()?.parse()?,
            Long("rename") => {
                let pair = arguments.value()?.string()?;
                let (from, to) = pair.split_once('=').ok_or(format!("--rename {pair}: FROM=TO"))?;
                load.rename.push((from.to_owned(), to.to_owned()));
            }
            Long("json") => json = true,
            Long("dump") => dump = Some(arguments.value()?.into()),
            Long("help") | Short('h') => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            other => return Err(format!("{}\n{USAGE}", other.unexpected()).into()),
        }
    }
    Ok(Options {
        data: data.ok_or(USAGE)?,
        checkpoint: checkpoint.ok_or(USAGE)?,
        method: method.ok_or(USAGE)?,
        probe,
        latent_size,
        load,
        json,
        dump,
    })
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match options.method.as_str() {
        "simclr" => evaluate::<InfoNCE>(options),
        "dcl" => evaluate::<DCLLoss>(options),
        other => Err(format!("--method {other}: simclr or dcl").into()),
    }
}

fn evaluate<L: ContrastiveLoss>(options: &Options) -> Result<(), Box<dyn Error>> {
    let cifar10 = Cifar10::load(&source(&options.data))?;
    let mut rng = numpy_rng(42);
    let train = Subset::new(&cifar10.train, &rng.choice(cifar10.train.len(), 10_000)?)?;
    let test = Subset::new(&cifar10.test, &rng.choice(cifar10.test.len(), 5_000)?)?;

    let config = DCLConfig { latent_size: options.latent_size, ..DCLConfig::tutorial(128) };
    let mut model = Estimator::<L>::new(config, best_device())?;
    let folder = options.checkpoint.parent().unwrap_or_else(|| Path::new("."));
    let file = options.checkpoint.file_name().ok_or("--checkpoint names no file")?;
    Weights::new(&folder.to_string_lossy(), None, &file.to_string_lossy())?
        .load_checkpoint_with(&mut model, &options.load)?;

    let start = Instant::now();
    let (xtr, ytr) = model.transform_with_targets(&DataLoader::new(train, 256, 1)?)?;
    let (xte, yte) = model.transform_with_targets(&DataLoader::new(test, 256, 1)?)?;
    let encode_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let probe = options.probe.fit(&xtr, &ytr)?;
    let probe_seconds = start.elapsed().as_secs_f64();
    let predicted = probe.predict(&xte)?;
    let accuracy = probe.score(&xte, &yte)?;

    if let Some(path) = &options.dump {
        dump(path, [(&xtr, &ytr), (&xte, &yte)], &predicted)?;
    }
    if options.json {
        let images_per_second = (xtr.nrows() + xte.nrows()) as f64 / encode_seconds;
        let seconds = (encode_seconds, images_per_second, probe_seconds);
        println!("{}", report(accuracy, seconds, &probe));
    } else {
        println!("{model:?}\n{probe}\naccuracy {accuracy:.4} on {} test images", yte.len());
    }
    Ok(())
}

/// A folder, or the address of an archive.
fn source(data: &str) -> Cifar10Config {
    if data.contains("://") {
        Cifar10Config { url: Some(data.to_owned()), ..Default::default() }
    } else {
        Cifar10Config { data_dir: Some(data.into()), ..Default::default() }
    }
}

fn report(
    accuracy: f64,
    (encode_seconds, images_per_second, probe_seconds): (f64, f64, f64),
    probe: &FittedLogisticRegression,
) -> serde_json::Value {
    serde_json::json!({
        "accuracy": accuracy,
        "encode_seconds": encode_seconds,
        "images_per_second": images_per_second,
        "probe_seconds": probe_seconds,
        "probe_iterations": probe.n_iter,
        "probe_converged": probe.converged,
        "probe_objective": probe.objective,
        "peak_rss_mb": process_memory("VmHWM").map(|bytes| bytes >> 20),
    })
}

fn dump(
    path: &Path,
    [(xtr, ytr), (xte, yte)]: [(&Array2<f32>, &Array1<i64>); 2],
    predicted: &Array1<i64>,
) -> Result<(), Box<dyn Error>> {
    let mut npz = NpzWriter::new_compressed(std::fs::File::create(path)?);
    npz.add_array("xtr", xtr)?;
    npz.add_array("xte", xte)?;
    npz.add_array("ytr", ytr)?;
    npz.add_array("yte", yte)?;
    npz.add_array("pred", predicted)?;
    npz.finish()?;
    Ok(())
}
