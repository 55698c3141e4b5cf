//! Runs that were stopped and go on.

use tch::Device;
use twoviews::prelude::*;

use super::{BATCHES, Failing, config, loader, quiet, saved_each_step, timeless, weights};

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    // One thread: sums of several threads may come in another order.
    tch::set_num_threads(1);
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::AdamW] {
        let mut whole = DCL::new(config(optimizer), Device::Cpu).unwrap();
        let expected = timeless(whole.fit(&loader(7), quiet(None)).unwrap());
        assert_eq!(expected.losses.len(), 3 * BATCHES);
        for steps in [1, 4, 6] {
            let mut model = DCL::new(config(optimizer), Device::Cpu).unwrap();
            let failing = Failing { loader: loader(7), left: steps.into() };
            let history = model.fit(&failing, quiet(None)).unwrap();
            assert!(history.interrupted);
            assert_eq!(history.losses, expected.losses[..steps]);
            let history = model.resume(&loader(7), quiet(None)).unwrap();
            assert_eq!(timeless(history), expected);
            assert_eq!(weights(&model), weights(&whole), "{optimizer:?} after {steps} steps");
        }
    }
}

#[test]
fn a_run_goes_on_from_its_checkpoint_in_another_process() {
    tch::set_num_threads(1);
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        let mut whole = DCL::new(config(optimizer), Device::Cpu).unwrap();
        let expected = timeless(whole.fit(&loader(7), quiet(None)).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let mut model = DCL::new(config(optimizer), Device::Cpu).unwrap();
        let failing = Failing { loader: loader(7), left: 6.into() };
        // Saved after every step: the last checkpoint lies within the second epoch.
        model.fit(&failing, saved_each_step(folder.path())).unwrap();
        drop(model);
        let mut model = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        let history = model.resume(&loader(7), quiet(Some(folder.path()))).unwrap();
        assert_eq!(timeless(history), expected);
        assert_eq!(weights(&model), weights(&whole), "{optimizer:?}");
        let done = DCL::load_training(folder.path(), Device::Cpu).unwrap();
        assert_eq!(weights(&done), weights(&whole));
    }
}
