//! The hook that is given what every step has computed.

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use support::failing::Failing;
use tch::{Device, Tensor};
use twoviews::estimator::StepOutputs;
use twoviews::losses::DCLWLoss;
use twoviews::prelude::*;

const BATCHES: usize = 3;

fn loader() -> MultiViewsLoader {
    let shapes = Shapes10 { num_images: 60, ..Default::default() }.generate().unwrap();
    // A subset in another order, so that a position in it is not the place in the data set.
    let subset = Subset::new(&shapes, &(0..40).rev().collect::<Vec<_>>()).unwrap();
    let views = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
    let config = MultiViewsLoaderConfig { batch_size: 16, num_workers: 0, ..Default::default() };
    MultiViewsLoader::new(subset, views, config).unwrap()
}

fn config(joint_views: bool) -> DCLConfig {
    DCLConfig {
        encoder: EncoderKind::ResNet8,
        optimizer: OptimizerKind::AdamW,
        learning_rate: 2e-3,
        lr_scheduler: LrScheduler::Constant,
        max_epochs: 2,
        joint_views,
        ..Default::default()
    }
}

/// What a hook has been given.
struct Seen {
    loss: f64,
    z: [Tensor; 2],
    targets: Vec<i64>,
    indices: Vec<usize>,
    place: (usize, usize, usize),
}

/// Options whose hook keeps everything.
fn keeping(seen: &Rc<RefCell<Vec<Seen>>>) -> FitOptions {
    let seen = seen.clone();
    let hook = move |outputs: &StepOutputs| {
        assert!(!outputs.z1.requires_grad() && !outputs.z2.requires_grad());
        seen.borrow_mut().push(Seen {
            loss: outputs.loss,
            z: [outputs.z1.copy(), outputs.z2.copy()],
            targets: Vec::try_from(&outputs.targets).unwrap(),
            indices: outputs.indices.clone(),
            place: (outputs.step, outputs.epoch, outputs.batch_idx),
        });
    };
    FitOptions { on_train_batch_end: Some(Box::new(hook)), quiet: true, ..Default::default() }
}

fn check_every_step<L: ContrastiveLoss>(joint_views: bool) {
    tch::set_num_threads(1);
    let seen = Rc::default();
    let mut model = Estimator::<L>::new(config(joint_views), Device::Cpu).unwrap();
    let history = model.fit(&loader(), keeping(&seen)).unwrap();
    let seen = seen.take();
    assert_eq!(seen.len(), 2 * BATCHES);
    let plain = Estimator::<L>::new(config(joint_views), Device::Cpu).unwrap();
    let loader = loader();
    let batches = (0..2).flat_map(|epoch| loader.epoch(epoch, 0).unwrap());
    for (step, (outputs, batch)) in seen.iter().zip(batches).enumerate() {
        let batch = batch.unwrap();
        assert_eq!(outputs.place, (step, step / BATCHES, step % BATCHES));
        assert_eq!(outputs.loss, history.losses[step]);
        assert_eq!(outputs.indices, batch.indices);
        assert_eq!(outputs.targets, Vec::<i64>::try_from(&batch.targets).unwrap());
        let [z1, z2] = &outputs.z;
        let again = plain.loss.forward(z1, z2).unwrap().double_value(&[]);
        assert_eq!(again, outputs.loss, "the loss is of these embeddings");
    }
    // The first step's are those of the untrained network.
    let batch = loader.epoch(0, 0).unwrap().next().unwrap().unwrap();
    let images = Tensor::cat(&batch.views, 0);
    let expected = if joint_views {
        plain.embed(&images, true).unwrap()
    } else {
        let views = batch.views.iter().map(|view| plain.embed(view, true).unwrap());
        Tensor::cat(&views.collect::<Vec<_>>(), 0)
    };
    let found = Tensor::cat(&seen[0].z, 0);
    assert!((expected - found).abs().max().double_value(&[]) < 1e-5);
    // A run without the hook takes the same steps.
    let mut plain_again = Estimator::<L>::new(config(joint_views), Device::Cpu).unwrap();
    let quiet = FitOptions { quiet: true, ..Default::default() };
    assert_eq!(plain_again.fit(&loader, quiet).unwrap().losses, history.losses);
}

#[test]
fn every_step_hands_over_what_its_loss_was_computed_of() {
    for joint_views in [false, true] {
        check_every_step::<InfoNCE>(joint_views);
        check_every_step::<DCLLoss>(joint_views);
    }
    check_every_step::<DCLWLoss>(false);
}

#[test]
fn an_interrupted_and_resumed_run_calls_it_once_for_each_step() {
    tch::set_num_threads(1);
    let whole = Rc::default();
    let mut model = DCL::new(config(false), Device::Cpu).unwrap();
    model.fit(&loader(), keeping(&whole)).unwrap();
    for steps in [0, 1, BATCHES, BATCHES + 1] {
        let parts = Rc::default();
        let mut model = DCL::new(config(false), Device::Cpu).unwrap();
        let stopped = Failing { loader: loader(), left: steps.into() };
        assert!(model.fit(&stopped, keeping(&parts)).unwrap().interrupted);
        assert_eq!(parts.borrow().len(), steps);
        model.resume(&loader(), keeping(&parts)).unwrap();
        let (whole, parts) = (whole.borrow(), parts.borrow());
        assert_eq!(parts.len(), whole.len());
        for (a, b) in whole.iter().zip(parts.iter()) {
            let (a, b): (&Seen, &Seen) = (a, b);
            assert_eq!((a.loss, a.place, &a.indices), (b.loss, b.place, &b.indices));
            assert!(a.z.iter().zip(&b.z).all(|(a, b)| a == b), "after {steps} steps");
        }
    }
}

#[test]
fn the_embeddings_are_the_steps_own_memory() {
    // Detached: the hook may change them, and neither the gradients, taken by then, nor the next step change.
    tch::set_num_threads(1);
    let hook = |outputs: &StepOutputs| {
        let _ = outputs.z1.shallow_clone().fill_(f64::NAN);
    };
    let mut model = DCL::new(config(false), Device::Cpu).unwrap();
    let options =
        FitOptions { on_train_batch_end: Some(Box::new(hook)), quiet: true, ..Default::default() };
    let with = model.fit(&loader(), options).unwrap();
    let mut model = DCL::new(config(false), Device::Cpu).unwrap();
    let quiet = FitOptions { quiet: true, ..Default::default() };
    assert_eq!(with.losses, model.fit(&loader(), quiet).unwrap().losses);
}
