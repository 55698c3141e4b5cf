//! The tutorial's other half as a plain program: two views of CIFAR-10, training, both probes.
//!
//! ```text
//! cargo run --release --example train -- --method {simclr,dcl,dclw} --batch-size 32 --epochs E
//!     --limit N --data DIR --seed 42 --workers W [--optimizer {sgd,adam,adamW}] [--lr X]
//!     [--warmup-epochs 10] [--temperature 0.07] [--bf16] [--small-encoder] [--resume] --out DIR
//!     --json
//! ```
//!
//! Names are taken in any case. With `--resume` the run in `--out` goes on with its own settings;
//! those that are given take effect from there on, or are refused where a run cannot change them.

#[path = "../tests/support/process_memory.rs"]
mod process_memory;

use std::error::Error;
use std::path::PathBuf;

use lexopt::prelude::*;
use process_memory::process_memory;
use twoviews::ndarray::{Array1, Array2};
use twoviews::prelude::*;

const USAGE: &str = "usage: train --method {simclr,dcl,dclw} --data DIR --out DIR \
[--batch-size 32] [--epochs 100] [--limit N] [--seed 42] [--workers 2] \
[--optimizer {sgd,adam,adamW}] [--lr X] [--warmup-epochs 10] [--temperature 0.07] [--bf16] \
[--small-encoder] [--resume] [--json]";

struct Options {
    method: String,
    data: PathBuf,
    out: PathBuf,
    batch_size: usize,
    limit: Option<usize>,
    workers: usize,
    settings: Settings,
    resume: bool,
    json: bool,
}

/// Settings of the run that were given.
#[derive(Default)]
struct Settings {
    epochs: Option<usize>,
    optimizer: Option<OptimizerKind>,
    learning_rate: Option<f64>,
    warmup_epochs: Option<usize>,
    temperature: Option<f64>,
    seed: Option<u64>,
    bf16: bool,
    small_encoder: bool,
}

impl Settings {
    /// `config` with what was given.
    fn applied_to(&self, mut config: DCLConfig) -> DCLConfig {
        config.max_epochs = self.epochs.unwrap_or(config.max_epochs);
        config.optimizer = self.optimizer.unwrap_or(config.optimizer);
        config.learning_rate = self.learning_rate.unwrap_or(config.learning_rate);
        if let Some(warmup_epochs) = self.warmup_epochs {
            config.lr_scheduler =
                LrScheduler::WarmupCosine { warmup_epochs, warmup_start_lr: 1e-6 };
        }
        config.temperature = self.temperature.unwrap_or(config.temperature);
        config.random_state = self.seed.unwrap_or(config.random_state);
        if self.bf16 {
            config.precision = Precision::BFloat16;
        }
        if self.small_encoder {
            config.encoder = EncoderKind::ResNet8;
        }
        config
    }
}

fn main() {
    if let Err(error) = parse().and_then(|options| run(&options)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn parse() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        method: String::new(),
        data: PathBuf::new(),
        out: PathBuf::new(),
        batch_size: 32,
        limit: None,
        workers: 2,
        settings: Settings::default(),
        resume: false,
        json: false,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("method") => options.method = arguments.value()?.string()?.to_lowercase(),
            Long("data") => options.data = arguments.value()?.into(),
            Long("out") => options.out = arguments.value()?.into(),
            Long("batch-size") => options.batch_size = arguments.value()?.parse()?,
            Long("epochs") => options.settings.epochs = Some(arguments.value()?.parse()?),
            Long("limit") => options.limit = Some(arguments.value()?.parse()?),
            Long("seed") => options.settings.seed = Some(arguments.value()?.parse()?),
            Long("workers") => options.workers = arguments.value()?.parse()?,
            Long("optimizer") => {
                options.settings.optimizer = Some(arguments.value()?.string()?.parse()?);
            }
            Long("lr") => options.settings.learning_rate = Some(arguments.value()?.parse()?),
            Long("warmup-epochs") => {
                options.settings.warmup_epochs = Some(arguments.value()?.parse()?);
            }
            Long("temperature") => {
                options.settings.temperature = Some(arguments.value()?.parse()?);
            }
            Long("bf16") => options.settings.bf16 = true,
            Long("small-encoder") => options.settings.small_encoder = true,
            Long("resume") => options.resume = true,
            Long("json") => options.json = true,
            Long("help") | Short('h') => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            other => return Err(format!("{}\n{USAGE}", other.unexpected()).into()),
        }
    }
    if options.data.as_os_str().is_empty() || options.out.as_os_str().is_empty() {
        return Err(format!("--data and --out are needed\n{USAGE}").into());
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match options.method.as_str() {
        "simclr" => train::<InfoNCE>(options),
        "dcl" => train::<DCLLoss>(options),
        "dclw" => train::<DCLWLoss>(options),
        other => Err(format!("--method {other:?}: simclr, dcl or dclw").into()),
    }
}

fn train<L: ContrastiveLoss>(options: &Options) -> Result<(), Box<dyn Error>> {
    let data_dir = Some(options.data.clone());
    let cifar10 = Cifar10::load(&Cifar10Config { data_dir, ..Default::default() })?;
    let mut rng = numpy_rng(42);
    let probe_train = Subset::new(&cifar10.train, &rng.choice(cifar10.train.len(), 10_000)?)?;
    let probe_test = Subset::new(&cifar10.test, &rng.choice(cifar10.test.len(), 5_000)?)?;
    let limit = options.limit.unwrap_or(cifar10.train.len()).min(cifar10.train.len());
    let images = Subset::new(&cifar10.train, &(0..limit).collect::<Vec<_>>())?;

    let device = best_device();
    let mut model = if options.resume {
        let mut model = Estimator::<L>::load_training(&options.out, device)?;
        model.config = options.settings.applied_to(model.config);
        model
    } else {
        // The learning rate follows the batch size unless it is given.
        let config = DCLConfig::tutorial(options.batch_size);
        Estimator::<L>::new(options.settings.applied_to(config), device)?
    };

    let views = MultiViewsTransform::new(simclr_transform(), 2)?;
    let loader_config = MultiViewsLoaderConfig {
        batch_size: options.batch_size,
        num_workers: options.workers,
        seed: model.config.random_state,
        device,
        ..Default::default()
    };
    let loader = MultiViewsLoader::new(images, views, loader_config)?;
    let fit_options = FitOptions {
        checkpoints: Some(Checkpoints::new(&options.out)),
        quiet: options.json,
        ..Default::default()
    };
    let history = if options.resume {
        model.resume(&loader, fit_options)?
    } else {
        model.fit(&loader, fit_options)?
    };

    let probes = Probes {
        train: DataLoader::new(probe_train, 256, 1)?,
        test: DataLoader::new(probe_test, 256, 1)?,
    };
    let (linear, knn) = probes.accuracies(&model)?;
    let untrained = Estimator::<L>::new(model.config.clone(), device)?;
    let (untrained_linear, _) = probes.accuracies(&untrained)?;
    if options.json {
        println!(
            "{}",
            serde_json::json!({
                "loss_first": history.losses.first(),
                "loss_last": history.losses.last(),
                "epoch_losses": history.epoch_losses,
                "images_per_second": history.images_per_second(),
                "seconds": history.seconds,
                "linear_accuracy": linear,
                "knn_accuracy": knn,
                "untrained_linear_accuracy": untrained_linear,
                "peak_rss_mb": process_memory("VmHWM").map(|bytes| bytes >> 20),
            })
        );
    } else {
        println!("{model:?}\n{history:?}\nlinear probe {linear:.4}, kNN {knn:.4}");
        println!("untrained encoder, linear probe {untrained_linear:.4}");
    }
    Ok(())
}

/// The labelled images of both probes.
struct Probes {
    train: DataLoader,
    test: DataLoader,
}

impl Probes {
    /// Accuracy of the linear and of the kNN probe.
    fn accuracies<L: ContrastiveLoss>(&self, model: &Estimator<L>) -> Result<(f64, f64)> {
        let (x_train, y_train): (Array2<f32>, Array1<i64>) =
            model.transform_with_targets(&self.train)?;
        let (x_test, y_test) = model.transform_with_targets(&self.test)?;
        let linear = LogisticRegression::default().fit(&x_train, &y_train)?;
        let knn = KnnProbe::default().score((&x_train, &y_train), (&x_test, &y_test))?;
        Ok((linear.score(&x_test, &y_test)?, knn))
    }
}
