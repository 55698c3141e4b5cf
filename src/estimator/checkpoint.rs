//! Saving a run and taking it up again, exactly where it was.
//!
//! A checkpoint is a JSON record with configuration and counters that names its tensor files. The
//! tensors are written first, under a name of their own, then the record replaces the old one in
//! one step: whenever the process dies, `last.json` belongs to a complete checkpoint.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, nn::VarStore};

use super::run_lock::RunLock;
use super::state::{LoaderRecord, TrainingState};
use super::{ContrastiveConfig, Estimator, History};
use crate::atomic_write::atomic_write;
use crate::losses::ContrastiveLoss;
use crate::optim::{Optimizer, OptimizerSettings};
use crate::weights::{StateDict, load_state_dict, read_state_dict, to_safetensors};
use crate::{Error, Result};

const LAST: &str = "last.json";
const BEST: &str = "best.json";
const FORMAT: u32 = 1;

/// What `last.json` and `best.json` hold.
#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    method: String,
    config: ContrastiveConfig,
    loader: LoaderRecord,
    epoch: usize,
    batch: usize,
    optimizer_steps: i32,
    /// File with the parameters and running statistics, beside the record.
    weights: String,
    /// File with the optimizer's running means, if it has any.
    optimizer: Option<String>,
    best_loss: Option<f64>,
    history: History,
}

impl Record {
    /// Whether the counters fit the history, on which the loop relies.
    fn check(&self) -> std::result::Result<(), String> {
        let Self { epoch, batch, history, loader, .. } = self;
        let steps = epoch.checked_mul(loader.batches_per_epoch).and_then(|s| s.checked_add(*batch));
        let fits = steps == Some(history.losses.len())
            && history.learning_rates.len() == history.losses.len()
            && history.epoch_losses.len() == *epoch
            && *batch <= loader.batches_per_epoch
            && u32::try_from(*epoch).is_ok()
            && self.optimizer_steps >= 0;
        let (losses, means) = (history.losses.len(), history.epoch_losses.len());
        if fits {
            return Ok(());
        }
        Err(format!(
            "epoch {epoch} and batch {batch} do not fit {losses} losses and {means} of epochs"
        ))
    }
}

/// The folder of one run.
pub(super) struct CheckpointFolder {
    folder: PathBuf,
    /// Until the run ends.
    _lock: RunLock,
}

impl CheckpointFolder {
    /// Opens `folder` for a run with this history.
    ///
    /// # Errors
    /// If the folder cannot be made, another run is writing to it, or it holds another run, which
    /// would be overwritten.
    pub(super) fn open(folder: &Path, history: &History) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| {
            Error::io("make", folder, error, "Choose a folder that may be written")
        })?;
        let lock = RunLock::take(folder)?;
        let last = folder.join(LAST);
        if last.exists() && !history.losses.starts_with(&read_record(&last)?.history.losses) {
            let hint = "Take that run up with Estimator::load_training and resume, or choose \
                        another folder.";
            let allowed = "a folder without another run's checkpoints";
            return Err(Error::parameter("checkpoints.folder", folder.display(), allowed, hint));
        }
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// Saves the run as the last one and, if `is_best`, as the best one.
    pub(super) fn save(
        &self,
        method: &str,
        config: &ContrastiveConfig,
        variables: &VarStore,
        state: &TrainingState,
        is_best: bool,
    ) -> Result<()> {
        let stem = format!("step-{:07}", state.history.losses.len());
        let weights = format!("{stem}.safetensors");
        self.write_tensors(&weights, &variables.variables().into_iter().collect())?;
        let moments = state.optimizer.state_dict();
        let optimizer = (!moments.is_empty()).then(|| format!("{stem}.optimizer.safetensors"));
        if let Some(name) = &optimizer {
            self.write_tensors(name, &moments)?;
        }
        let record = Record {
            format: FORMAT,
            method: method.to_owned(),
            config: config.clone(),
            loader: state.loader,
            epoch: state.epoch,
            batch: state.batch,
            optimizer_steps: state.optimizer.steps(),
            weights,
            optimizer,
            best_loss: state.best_loss,
            history: state.history.clone(),
        };
        let json = serde_json::to_vec(&record).map_err(|error| {
            Error::format(&self.folder, error, "Only finite numbers can be saved")
        })?;
        if is_best {
            self.write(BEST, &json)?;
        }
        self.write(LAST, &json)?;
        self.remove_unused();
        Ok(())
    }

    fn write_tensors(&self, name: &str, tensors: &StateDict) -> Result<()> {
        self.write(name, &to_safetensors(tensors)?)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        atomic_write(&path, bytes).map_err(|error| {
            let hint = "The last checkpoint and the model are unharmed: make room or choose another \
                        folder, then call resume";
            Error::io("write", path, error, hint)
        })
    }

    /// Removes the tensors that neither the last nor the best record names.
    fn remove_unused(&self) {
        let used: BTreeSet<String> = [LAST, BEST]
            .iter()
            .filter_map(|name| read_record(&self.folder.join(name)).ok())
            .flat_map(|record| [Some(record.weights), record.optimizer])
            .flatten()
            .collect();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours = name.starts_with("step-") && name.contains(".safetensors");
            if is_ours && !used.contains(&name) {
                // A file that stays behind costs room and nothing else.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl<L: ContrastiveLoss> Estimator<L> {
    /// Reads a run that [`fit`](Self::fit) saved: the model with its configuration and weights,
    /// ready to [`resume`](Self::resume) exactly where the checkpoint was written.
    ///
    /// `path` is the run's folder (its last checkpoint) or one of its records, `last.json` or
    /// `best.json`.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no checkpoint, [`Error::Format`] if it is damaged or of another
    /// method, [`Error::StateDict`] if its tensors do not fit.
    pub fn load_training(path: impl AsRef<Path>, device: Device) -> Result<Self> {
        let checkpoint = Checkpoint::read(path.as_ref(), L::METHOD)?;
        let mut model = Self::new(checkpoint.record.config.clone(), device)?;
        let settings = model.config.optimizer_settings();
        model.training = Some(checkpoint.load(settings, model.var_store_mut())?);
        Ok(model)
    }
}

/// A record with its weights and the optimizer's running means.
struct Checkpoint {
    record: Record,
    weights: StateDict,
    moments: StateDict,
    weights_file: PathBuf,
}

impl Checkpoint {
    /// Reads a run of `method` from its folder, or from one of its records.
    fn read(path: &Path, method: &str) -> Result<Self> {
        let path = if path.is_dir() { path.join(LAST) } else { path.to_owned() };
        let (record, weights, moments) = read_checkpoint(&path)?;
        if record.method != method {
            let problem = format!("it was trained with {}, not {method}", record.method);
            return Err(Error::format(&path, problem, "Load it as what it is"));
        }
        let weights_file = path.with_file_name(&record.weights);
        Ok(Self { record, weights, moments, weights_file })
    }

    /// Gives a network its weights; where its run stands.
    fn load(self, settings: OptimizerSettings, variables: &mut VarStore) -> Result<TrainingState> {
        let Self { record, weights, moments, weights_file } = self;
        load_state_dict(variables, &weights, &weights_file)?;
        let mut optimizer = Optimizer::new(settings, variables);
        optimizer.load_state_dict(record.optimizer_steps, &moments)?;
        Ok(TrainingState {
            epoch: record.epoch,
            batch: record.batch,
            loader: record.loader,
            optimizer,
            best_loss: record.best_loss,
            history: record.history,
        })
    }
}

/// A record with its weights and the optimizer's running means.
fn read_checkpoint(path: &Path) -> Result<(Record, StateDict, StateDict)> {
    let mut record = read_record(path)?;
    loop {
        let weights = read_state_dict(&path.with_file_name(&record.weights));
        let moments = match &record.optimizer {
            Some(name) => read_state_dict(&path.with_file_name(name)),
            None => Ok(StateDict::new()),
        };
        let error = match (weights, moments) {
            (Ok(weights), Ok(moments)) => return Ok((record, weights, moments)),
            (Err(error), _) | (_, Err(error)) => error,
        };
        // A run that is still training may have replaced the record, and removed these files, since.
        let newer = read_record(path)?;
        if newer.weights == record.weights {
            return Err(error);
        }
        record = newer;
    }
}

fn read_record(path: &Path) -> Result<Record> {
    let bytes = fs::read(path).map_err(|error| {
        Error::io("read", path, error, "Give the folder in which fit saved its checkpoints")
    })?;
    let hint = "It is no checkpoint of this version of twoviews";
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| Error::format(path, error, hint))?;
    let names = [Some(&record.weights), record.optimizer.as_ref()];
    if record.format != FORMAT || names.into_iter().flatten().any(|name| name.contains(['/', '\\']))
    {
        return Err(Error::format(path, format!("format {}", record.format), hint));
    }
    record.check().map_err(|problem| Error::format(path, problem, hint))?;
    Ok(record)
}
