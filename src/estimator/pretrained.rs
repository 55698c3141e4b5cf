//! Weights of a checkpoint, from the hub or a folder, into an estimator.

use tch::nn::VarStore;

use super::{Estimator, Weights};
use crate::Result;
use crate::losses::ContrastiveLoss;
use crate::weights::{LoadOptions, load_file};

const ENCODER: &str = "encoder.";

impl Weights {
    /// Loads a checkpoint of encoder and projection head (nidl's `load_checkpoint`).
    ///
    /// # Errors
    /// As [`path`](Self::path) and [`read_state_dict`](crate::weights::read_state_dict);
    /// [`Error::StateDict`](crate::Error::StateDict) if the tensors do not fit. The model is
    /// unchanged after an error.
    pub fn load_checkpoint<L: ContrastiveLoss>(&self, model: &mut Estimator<L>) -> Result<()> {
        self.load_checkpoint_with(model, &LoadOptions::default())
    }

    /// [`load_checkpoint`](Self::load_checkpoint) from a file that names its tensors otherwise.
    ///
    /// ```no_run
    /// use twoviews::estimator::{DCL, DCLConfig, Weights};
    /// use twoviews::models::best_device;
    /// use twoviews::weights::LoadOptions;
    /// let mut model = DCL::new(DCLConfig::default(), best_device())?;
    /// let weights = Weights::new("runs", None, "distributed.ckpt")?;
    /// weights.load_checkpoint_with(&mut model, &LoadOptions::strip("module."))?;
    /// # Ok::<(), twoviews::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`load_checkpoint`](Self::load_checkpoint);
    /// [`Error::Parameter`](crate::Error::Parameter) if the renaming fits no name of the file, or
    /// makes one of two.
    pub fn load_checkpoint_with<L: ContrastiveLoss>(
        &self,
        model: &mut Estimator<L>,
        options: &LoadOptions,
    ) -> Result<()> {
        self.load_into(model.var_store(), "", options)
    }

    /// Loads a plain state dict of the encoder alone (nidl's `load_pretrained`); the projection
    /// head stays as it is.
    ///
    /// # Errors
    /// As [`load_checkpoint`](Self::load_checkpoint).
    pub fn load_pretrained<L: ContrastiveLoss>(&self, model: &mut Estimator<L>) -> Result<()> {
        self.load_pretrained_with(model, &LoadOptions::default())
    }

    /// [`load_pretrained`](Self::load_pretrained) from a file that names its tensors otherwise:
    /// `LoadOptions::strip("encoder.")` takes the encoder out of a whole checkpoint.
    ///
    /// # Errors
    /// As [`load_checkpoint_with`](Self::load_checkpoint_with).
    pub fn load_pretrained_with<L: ContrastiveLoss>(
        &self,
        model: &mut Estimator<L>,
        options: &LoadOptions,
    ) -> Result<()> {
        self.load_into(model.var_store(), ENCODER, options)
    }

    /// Loads the file into the variables whose names begin with `prefix`, which the file's do not.
    fn load_into(&self, variables: &VarStore, prefix: &str, options: &LoadOptions) -> Result<()> {
        self.read(|path| {
            let own = variables
                .variables()
                .into_iter()
                .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor)));
            load_file(path, own.collect(), options)
        })
    }
}
