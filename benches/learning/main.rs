//! Trains the small encoder on 10,000 images of CIFAR-10 as `reference.py` beside this file does
//! with nidl, to compare what the two learn: `learning DATA_DIR {simclr,dcl} SEED`.
//!
//! Batch 32, AdamW 1e-3, one epoch of warm-up, temperature 0.07, one thread; 10 epochs unless
//! `EPOCHS` says otherwise. Linear probe fitted on 5,000 other training images and tested on
//! `data_batch_5`. Prints one JSON line.

use std::error::Error;

use twoviews::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, method, seed] = arguments.as_slice() else {
        return Err("usage: learning DATA_DIR {simclr,dcl} SEED".into());
    };
    match method.as_str() {
        "simclr" => compare::<InfoNCE>(folder, method, seed.parse()?),
        "dcl" => compare::<DCLLoss>(folder, method, seed.parse()?),
        other => Err(format!("{other}: simclr or dcl").into()),
    }
}

fn compare<L: ContrastiveLoss>(
    folder: &str,
    method: &str,
    seed: u64,
) -> Result<(), Box<dyn Error>> {
    twoviews::tch::set_num_threads(1);
    let config = Cifar10Config { data_dir: Some(folder.into()), ..Default::default() };
    let cifar10 = Cifar10::load(&config)?;
    let chosen = numpy_rng(42).choice(40_000, 15_000)?;
    let train = Subset::new(&cifar10.train, &chosen[..10_000])?;
    let probe = DataLoader::new(Subset::new(&cifar10.train, &chosen[10_000..])?, 256, 0)?;
    let test = (40_000..50_000).collect::<Vec<_>>();
    let test = DataLoader::new(Subset::new(&cifar10.train, &test)?, 256, 0)?;
    let views = MultiViewsTransform::new(simclr_transform(), 2)?;
    let loader_config =
        MultiViewsLoaderConfig { batch_size: 32, num_workers: 0, seed, ..Default::default() };
    let loader = MultiViewsLoader::new(train, views, loader_config)?;
    let config = DCLConfig {
        encoder: EncoderKind::ResNet8,
        temperature: 0.07,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 1e-3,
        lr_scheduler: LrScheduler::WarmupCosine { warmup_epochs: 1, warmup_start_lr: 1e-6 },
        max_epochs: std::env::var("EPOCHS").map_or(Ok(10), |epochs| epochs.parse())?,
        random_state: seed,
        ..Default::default()
    };
    let mut model = Estimator::<L>::new(config, Device::Cpu)?;
    let accuracy = |model: &Estimator<L>| -> Result<f64> {
        let (x, y) = model.transform_with_targets(&probe)?;
        let fit = LogisticRegression::default().fit(&x, &y)?;
        let (x, y) = model.transform_with_targets(&test)?;
        fit.score(&x, &y)
    };
    let untrained = accuracy(&model)?;
    let history = model.fit(&loader, FitOptions { quiet: true, ..Default::default() })?;
    let line = serde_json::json!({
        "side": "twoviews", "method": method, "seed": seed, "untrained": untrained,
        "accuracy": accuracy(&model)?, "seconds": history.seconds,
    });
    println!("{line}");
    Ok(())
}
