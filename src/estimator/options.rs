//! What a run does besides training.

use std::fmt;
use std::path::PathBuf;

use super::state::LoaderRecord;
use super::{History, StepOutputs};
use crate::loaders::{DataLoader, ViewsLoader};
use crate::probes::KnnProbe;
use crate::{Error, Result};

/// A function that is called while a model trains.
pub type Hook = Box<dyn FnMut(&History)>;

/// A function that is given what every step of a training has computed.
pub type BatchHook = Box<dyn FnMut(&StepOutputs)>;

/// What [`Estimator::fit`](super::Estimator::fit) does besides training; by default it
/// only shows its progress.
///
/// Hooks are called in the order of the fields, between two steps; their time is not counted as
/// training. A run that is interrupted has called them for each step that it counts, and
/// [`resume`](super::Estimator::resume) takes hooks of its own, which see the steps from there on.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use twoviews::estimator::StepOutputs;
/// use twoviews::prelude::*;
/// let images = Shapes10 { num_images: 20, ..Default::default() }.generate()?;
/// let two_views = MultiViewsTransform::new(simclr_transform(), 2)?;
/// let batches = MultiViewsLoaderConfig { batch_size: 10, num_workers: 0, ..Default::default() };
/// let loader = MultiViewsLoader::new(images, two_views, batches)?;
/// let encoder = EncoderKind::ResNet8;
/// let mut model = DCL::new(DCLConfig { encoder, max_epochs: 1, ..Default::default() }, Device::Cpu)?;
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let list = seen.clone();
/// let hook = move |step: &StepOutputs| list.lock().unwrap().push((step.indices.len(), step.z1.size()));
/// let options = FitOptions { on_train_batch_end: Some(Box::new(hook)), ..Default::default() };
/// model.fit(&loader, options)?;
/// assert_eq!(*seen.lock().unwrap(), [(10, vec![10, 128]), (10, vec![10, 128])]);
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Default)]
pub struct FitOptions {
    /// Called after every step with its embeddings and the images' indices, as Lightning's hook of
    /// this name. Without it nothing is kept, copied or waited for.
    pub on_train_batch_end: Option<BatchHook>,
    /// Called after every step.
    pub on_step: Option<Hook>,
    /// Called after every epoch.
    pub on_epoch: Option<Hook>,
    /// Views whose loss is measured after every epoch, without training on them.
    pub validation: Option<Box<dyn ViewsLoader>>,
    /// A kNN probe that follows the training.
    pub knn: Option<OnlineKnn>,
    /// Where the run is saved.
    pub checkpoints: Option<Checkpoints>,
    /// Whether no progress is shown.
    pub quiet: bool,
}

impl FitOptions {
    /// Checks what would otherwise show only after the first epoch, or be lost with it.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(loader) = &self.validation {
            LoaderRecord::of(loader.as_ref()).check_validation()?;
        }
        if let Some(knn) = &self.knn {
            if knn.every_epochs == 0 {
                let hint = "1 probes after every epoch.";
                return Err(Error::parameter("every_epochs", 0, ">= 1", hint));
            }
            knn.probe.check()?;
        }
        if let Some(Checkpoints { minutes, .. }) = &self.checkpoints
            && (minutes.is_nan() || *minutes <= 0.0)
        {
            let hint = "The default is 10; f64::INFINITY saves after every epoch only.";
            return Err(Error::parameter("checkpoints.minutes", minutes, "> 0", hint));
        }
        Ok(())
    }

    /// Refuses what a [`Classifier`](super::Classifier) does not do, rather than leaving it out.
    pub(super) fn check_of_classifier(&self) -> Result<()> {
        let unknown = [
            ("on_train_batch_end", self.on_train_batch_end.is_some()),
            ("validation", self.validation.is_some()),
            ("knn", self.knn.is_some()),
            ("checkpoints", self.checkpoints.is_some()),
        ];
        match unknown.into_iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((name, _)) => {
                let hint = "Only SimCLR, DCL and DCLW know it.";
                Err(Error::parameter(name, "set", "None for a Classifier", hint))
            }
        }
    }

    /// Prints a message for the user; of a quiet program to its standard error.
    pub(super) fn notify(&self, text: &str) {
        if self.quiet { eprintln!("{text}") } else { println!("{text}") }
    }
}

impl fmt::Debug for FitOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FitOptions")
            .field("validation", &self.validation.is_some())
            .field("knn", &self.knn.is_some())
            .field("checkpoints", &self.checkpoints)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

/// Encodes labelled images from time to time and lets the nearest ones vote.
#[derive(Clone, Debug)]
pub struct OnlineKnn {
    /// Images whose labels vote.
    pub bank: DataLoader,
    /// Images whose labels are predicted.
    pub queries: DataLoader,
    /// The vote.
    pub probe: KnnProbe,
    /// Epochs between two probes, >= 1; the last epoch is always probed.
    pub every_epochs: usize,
}

/// Where and how often a run is saved: after every epoch, and within one whenever `minutes` have
/// passed.
///
/// The folder is one run's: while it trains it holds a lock, `run.lock`, which the system gives back
/// when the process ends, however it ends; a second run is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// Folder of the run; made if it is not there.
    pub folder: PathBuf,
    /// Minutes between two checkpoints within an epoch, > 0; with infinity there are none within.
    pub minutes: f64,
}

impl Checkpoints {
    /// Every epoch and every ten minutes into `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), minutes: 10.0 }
    }
}
