//! `KEY=VALUE` arguments, and what they make.

use std::collections::BTreeMap;
use std::error::Error;
use std::str::FromStr;

use serde_json::Value;
use twoviews::prelude::*;

use crate::Outcome;

/// Every key that a run reads; another one is a mistake.
const KEYS: [&str; 24] = [
    "method",
    "seed",
    "data",
    "palette",
    "images",
    "probe",
    "test",
    "epochs",
    "batch",
    "lr",
    "warmup",
    "temperature",
    "crop",
    "rot90",
    "flip",
    "jitter",
    "hue",
    "gray",
    "factors",
    "watch",
    "threads",
    "optimizer",
    "c",
    "sweep_c",
];

pub struct Settings(BTreeMap<String, String>);

impl Settings {
    pub fn of(arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut settings = BTreeMap::new();
        for argument in arguments {
            match argument.split_once('=') {
                Some((key, value)) if KEYS.contains(&key) => {
                    settings.insert(key.to_owned(), value.to_owned());
                }
                _ => return Err(format!("{argument}: KEY=VALUE with one of {KEYS:?}").into()),
            }
        }
        Ok(Self(settings))
    }

    pub fn get<T: FromStr<Err: Error + 'static>>(&self, key: &str, default: T) -> Outcome<T> {
        Ok(self.0.get(key).map_or(Ok(default), |value| value.parse())?)
    }

    pub fn text(&self, key: &str, default: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| default.to_owned())
    }

    pub fn flag(&self, key: &str) -> bool {
        self.text(key, "0") == "1"
    }

    pub fn to_json(&self) -> Value {
        self.0.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect()
    }

    /// The transforms of one view.
    pub fn views(&self) -> Outcome<Compose> {
        let [crop, rot90, flip] =
            [self.get("crop", 0.8)?, self.get("rot90", 1.0)?, self.get("flip", 0.5)?];
        let [jitter, hue, gray] =
            [self.get("jitter", 0.4)?, self.get("hue", 0.1)?, self.get("gray", 0.2)?];
        let mut views: Vec<AnyTransform> = Vec::new();
        if crop < 1.0 {
            views.push(RandomResizedCrop { scale: (crop, 1.0), ..Default::default() }.into());
        }
        if flip > 0.0 {
            views.push(RandomHorizontalFlip::new(flip)?.into());
        }
        if rot90 > 0.0 {
            views.push(RandomRotate90::new(rot90)?.into());
        }
        if jitter > 0.0 || hue > 0.0 {
            let jitter = ColorJitter::new(jitter, jitter, jitter, hue)?;
            views.push(RandomApply::new(vec![jitter.into()], 0.8)?.into());
        }
        if gray > 0.0 {
            views.push(RandomGrayscale::new(gray)?.into());
        }
        views.extend([ToTensor.into(), Normalize::default().into()]);
        Ok(Compose::new(views)?)
    }

    pub fn loading(&self) -> Outcome<MultiViewsLoaderConfig> {
        Ok(MultiViewsLoaderConfig {
            batch_size: self.get("batch", 32)?,
            num_workers: 0,
            seed: self.get("seed", 1)?,
            ..Default::default()
        })
    }

    pub fn config(&self) -> Outcome<DCLConfig> {
        Ok(DCLConfig {
            encoder: EncoderKind::ResNet8,
            temperature: self.get("temperature", 0.1)?,
            optimizer: self.get("optimizer", OptimizerKind::AdamW)?,
            learning_rate: self.get("lr", 8e-3)?,
            lr_scheduler: LrScheduler::WarmupCosine {
                warmup_epochs: self.get("warmup", 1)?,
                warmup_start_lr: 1e-6,
            },
            max_epochs: self.get("epochs", 4)?,
            random_state: self.get("seed", 1)?,
            ..Default::default()
        })
    }
}
