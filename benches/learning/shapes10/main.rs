//! What the small encoder learns on Shapes10, with the views, losses and settings of the lessons or others:
//! `shapes10 [KEY=VALUE]...` trains once and prints one JSON line. `report.sh` beside this file runs what
//! `benches/RESULTS.md` reports.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `method` | `dcl` | `simclr`, `dcl`, `dclw`, or `supervised`, with the probe's labels |
//! | `seed` | 1 | weights, order and views |
//! | `data`, `palette` | 42, `muted` | which pictures |
//! | `images`, `probe`, `test` | 5000, 3000, 2000 | training pictures; labelled ones; unseen ones |
//! | `epochs`, `batch`, `lr`, `warmup`, `temperature` | 4, 32, 8e-3, 1, 0.1 | the training; `warmup` in epochs |
//! | `optimizer` | `adamw` | `sgd`, `adam` or `adamw` |
//! | `crop`, `rot90`, `flip`, `jitter`, `hue`, `gray` | 0.8, 1, 0.5, 0.4, 0.1, 0.2 | the views: smallest area, probabilities, strengths; 0, or `crop=1`, leaves one out |
//! | | | with `gray=1` the probes, too, see grey pictures |
//! | `c` | 100 | the linear probe's inverse strength of the penalty |
//! | `factors` | 0 | 1: also what h and z know of the figures' factors |
//! | `watch` | 0 | 1: also coupling, alignment and uniformity of every tenth step |
//! | `sweep_c` | 0 | 1: also the linear probe at other inverse strengths C of the penalty |
//! | `threads` | 1 | libtorch's threads |

mod measure;
mod settings;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use twoviews::prelude::*;
use twoviews::transforms::to_grayscale;

use measure::{Watched, factors, labelled, watch};
use settings::Settings;

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let settings = Settings::of(std::env::args().skip(1))?;
    let line = match settings.text("method", "dcl").as_str() {
        "simclr" => contrastive::<InfoNCE>(&settings),
        "dcl" => contrastive::<DCLLoss>(&settings),
        "dclw" => contrastive::<DCLWLoss>(&settings),
        "supervised" => supervised(&settings),
        other => return Err(format!("method={other}: simclr, dcl, dclw or supervised").into()),
    }?;
    println!("{line}");
    Ok(())
}

/// The pictures: to train on, labelled, and unseen, in the order of lesson 00.
fn parts(settings: &Settings) -> Outcome<(Shapes10, [Subset; 3])> {
    let sizes = [
        settings.get("images", 5_000usize)?,
        settings.get("probe", 3_000)?,
        settings.get("test", 2_000)?,
    ];
    let palette = match settings.text("palette", "muted").as_str() {
        "muted" => Palette::Muted,
        "vivid" => Palette::Vivid,
        other => return Err(format!("palette={other}: muted or vivid").into()),
    };
    let shapes =
        Shapes10 { num_images: sizes.iter().sum(), palette, seed: settings.get("data", 42)? };
    let images = shapes.generate()?;
    let mut start = 0;
    let part = sizes.map(|size| {
        start += size;
        Subset::new(&images, &(start - size..start).collect::<Vec<_>>())
    });
    let [train, probe, test] = part;
    Ok((shapes, [train?, probe?, test?]))
}

/// The same pictures in grey: a network that has seen no colour does not know what to make of one.
fn greyed(subset: &Subset) -> Outcome<Subset> {
    let images = subset.dataset();
    let mut pixels = Vec::new();
    for index in 0..images.len() {
        let mut view = View::from_image(&images.image(index))?;
        to_grayscale(&mut view)?;
        pixels.extend(view.to_image()?.pixels);
    }
    let (targets, classes) = (images.targets().to_vec(), images.classes().to_vec());
    let grey = ImageDataset::new(images.name(), images.size(), pixels, targets, classes)?;
    Ok(Subset::new(&grey, subset.indices())?)
}

fn contrastive<L: ContrastiveLoss>(settings: &Settings) -> Outcome<Value> {
    twoviews::tch::set_num_threads(settings.get("threads", 1)?);
    let (shapes, [train, probe, test]) = parts(settings)?;
    let views = MultiViewsTransform::new(settings.views()?, 2)?;
    let loader = MultiViewsLoader::new(train, views, settings.loading()?)?;
    let mut model = Estimator::<L>::new(settings.config()?, Device::Cpu)?;
    let watched = Arc::new(Mutex::new(Watched::default()));
    let options = FitOptions {
        quiet: true,
        on_train_batch_end: settings
            .flag("watch")
            .then(|| watch(&watched, model.loss.temperature())),
        ..Default::default()
    };
    let history = model.fit(&loader, options)?;
    let (probe, test) = if settings.get("gray", 0.2)? < 1.0 {
        (probe, test)
    } else {
        (greyed(&probe)?, greyed(&test)?)
    };
    let (probe, test) = (DataLoader::new(&probe, 256, 0)?, DataLoader::new(&test, 256, 0)?);
    let (x, y) = model.transform_with_targets(&probe)?;
    let (x_test, y_test) = model.transform_with_targets(&test)?;
    let probe_with = |c| LogisticRegression { c, ..Default::default() };
    let linear = probe_with(settings.get("c", 100.0)?).fit(&x, &y)?.score(&x_test, &y_test)?;
    let knn = KnnProbe::default().score((&x, &y), (&x_test, &y_test))?;
    let mut line = json!({
        "method": L::METHOD, "linear": linear, "knn": knn, "seconds": history.seconds,
        "loss": history.epoch_losses, "settings": settings.to_json(),
    });
    if settings.flag("watch") {
        line["watched"] = watched.lock().map_err(|error| error.to_string())?.summary();
    }
    if settings.flag("sweep_c") {
        let score = |c| -> Outcome<f64> { Ok(probe_with(c).fit(&x, &y)?.score(&x_test, &y_test)?) };
        line["linear at C"] = [0.1, 1.0, 10.0, 100.0]
            .into_iter()
            .map(|c| Ok((c.to_string(), score(c)?.into())))
            .collect::<Outcome<serde_json::Map<_, _>>>()?
            .into();
    }
    if settings.flag("factors") {
        let rows = (labelled(&probe, x), labelled(&test, x_test));
        line["factors"] = factors(&model, &shapes, &rows.0, &rows.1)?;
    }
    Ok(line)
}

fn supervised(settings: &Settings) -> Outcome<Value> {
    twoviews::tch::set_num_threads(settings.get("threads", 1)?);
    let (_, [_, labelled, test]) = parts(settings)?;
    let views = MultiViewsTransform::new(settings.views()?, 1)?;
    let loader = MultiViewsLoader::new(labelled, views, settings.loading()?)?;
    let mut model = Classifier::new(settings.config()?, 10, Device::Cpu)?;
    let history = model.fit(&loader, FitOptions { quiet: true, ..Default::default() })?;
    let accuracy = model.score(&DataLoader::new(test, 256, 0)?)?;
    Ok(json!({
        "method": "supervised", "linear": accuracy, "seconds": history.seconds,
        "loss": history.epoch_losses, "settings": settings.to_json(),
    }))
}
