//! Changes of a model's configuration between runs: each takes effect or is refused.

use serde_json::{Map, Value};

use super::state::TrainingState;
use super::{ContrastiveConfig, Estimator};
use crate::losses::ContrastiveLoss;
use crate::{Error, Result};

/// What the network and its first weights were made from.
const MODEL_FIELDS: [&str; 5] =
    ["encoder", "latent_size", "proj_hidden_dim", "proj_output_dim", "random_state"];

/// What the state of a run's optimizer was made from.
const RUN_FIELDS: [&str; 1] = ["optimizer"];

/// A field of the configuration that was changed: its name, the old value and the new one.
struct Change {
    name: String,
    old: Value,
    new: Value,
}

impl Change {
    /// A change of a field as checkpoints store it.
    fn of_field(name: String, old: Value, new: Value) -> Self {
        if name != "bf16" {
            return Self { name, old, new };
        }
        let precision = |bf16: Value| {
            if bf16 == Value::Bool(true) { "BFloat16".into() } else { "Float32".into() }
        };
        Self { name: "precision".into(), old: precision(old), new: precision(new) }
    }
}

impl<L: ContrastiveLoss> Estimator<L> {
    /// Applies what was changed in `config` since the model was made, loaded or last trained, for a
    /// new run or for going on with `state`; returns a description of it for the user.
    ///
    /// # Errors
    /// [`Error::Parameter`] names a field that cannot change any more, or a loss with another
    /// temperature than the configuration's; nothing is changed then.
    pub(super) fn apply_changes(
        &mut self,
        state: Option<&mut TrainingState>,
    ) -> Result<Option<String>> {
        self.config.follow_bf16(&self.used);
        self.config.check()?;
        let check_loss = || self.changed_loss().map(drop);
        let description = change(&self.used, &self.config, state, &check_loss)?;
        if let Some(loss) = self.changed_loss()? {
            self.loss = loss;
        }
        self.used = self.config.clone();
        Ok(description)
    }

    /// The loss at the configuration's temperature, if the one there is has another.
    fn changed_loss(&self) -> Result<Option<L>> {
        let (wanted, used) = (self.config.temperature, self.used.temperature);
        let found = self.loss.temperature();
        let is_replaced = found != L::new(used)?.temperature();
        if is_replaced && found != wanted {
            let hint = format!("config.temperature is {wanted}: give both the same value.");
            let allowed = "the temperature of the configuration";
            return Err(Error::parameter("loss.temperature", found, allowed, hint));
        }
        if is_replaced || wanted == used { Ok(None) } else { L::new(wanted).map(Some) }
    }
}

/// What [`apply_changes`](Estimator::apply_changes) does to all but the model itself, whatever its loss.
fn change(
    used: &ContrastiveConfig,
    config: &ContrastiveConfig,
    state: Option<&mut TrainingState>,
    check_loss: &dyn Fn() -> Result<()>,
) -> Result<Option<String>> {
    let changes = changes(used, config)?;
    if let Some(change) = find(&changes, &MODEL_FIELDS) {
        let hint = format!(
            "The model was made with {}: make another one with Estimator::new.",
            change.old
        );
        return Err(cannot_change(change, "what the model was made with", hint));
    }
    state.map_or(Ok(None), |state| change_run(used, config, &changes, state, check_loss))
}

fn change_run(
    used: &ContrastiveConfig,
    config: &ContrastiveConfig,
    changes: &[Change],
    state: &mut TrainingState,
    check_loss: &dyn Fn() -> Result<()>,
) -> Result<Option<String>> {
    if let Some(change) = find(changes, &RUN_FIELDS) {
        let hint = format!(
            "The run began with {}, whose state the next step needs: begin a new one with fit. \
             Learning rate, schedule, weight decay, temperature, max_epochs, joint_views and \
             precision may change.",
            change.old
        );
        return Err(cannot_change(change, "what the run began with", hint));
    }
    let begun = state.epoch + usize::from(state.batch > 0);
    if config.max_epochs < begun {
        let hint = format!("The run is in epoch {begun}: ask for at least as many.");
        let allowed = "at least the number of epochs that were begun";
        return Err(Error::parameter("max_epochs", config.max_epochs, allowed, hint));
    }
    // Before anything changes.
    check_loss()?;
    state.optimizer.change(config.optimizer_settings());
    if changes.is_empty() {
        return Ok(None);
    }
    let changed: Vec<String> =
        changes.iter().map(|c| format!("{} is {} instead of {}", c.name, c.new, c.old)).collect();
    let step = state.history.losses.len();
    let batches = state.loader.batches_per_epoch;
    let [old, new] = [used, config].map(|config| config.learning_rate_at(step, batches));
    let mut description = format!("from step {step} on {}", changed.join(", "));
    if old != new {
        description += &format!(
            "; the learning rate goes on with {new:.3e} instead of {old:.3e}, on the schedule of a \
             run of {} epochs",
            config.max_epochs
        );
    }
    Ok(Some(description))
}

fn find<'a>(changes: &'a [Change], fixed: &[&str]) -> Option<&'a Change> {
    changes.iter().find(|change| fixed.contains(&change.name.as_str()))
}

fn cannot_change(change: &Change, allowed: &'static str, hint: String) -> Error {
    Error::Parameter { name: name_of(&change.name), value: change.new.to_string(), allowed, hint }
}

/// The name as an error holds it.
fn name_of(name: &str) -> &'static str {
    let mut all = MODEL_FIELDS.iter().chain(&RUN_FIELDS);
    all.find(|known| **known == name).copied().unwrap_or("config")
}

/// The fields of two configurations that differ.
fn changes(old: &ContrastiveConfig, new: &ContrastiveConfig) -> Result<Vec<Change>> {
    let fields = |config: &ContrastiveConfig| -> Result<Map<String, Value>> {
        match serde_json::to_value(config) {
            Ok(Value::Object(fields)) => Ok(fields),
            other => {
                let problem = format!("{other:?}");
                Err(Error::parameter("config", problem, "fields with values", ""))
            }
        }
    };
    let (old, mut new) = (fields(old)?, fields(new)?);
    let pairs = old.into_iter().filter_map(|(name, old)| {
        let new = new.remove(&name)?;
        (new != old).then(|| Change::of_field(name, old, new))
    });
    Ok(pairs.collect())
}
