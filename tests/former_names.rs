//! Names that have moved or changed can still be used, for one version.

use std::marker::PhantomData;

use tch::{Device, Kind, Tensor};
use twoviews::Result;

/// Each former name, and the type that it must be.
macro_rules! assert_same {
    ($($former:ty => $now:ty,)*) => {$( let _: PhantomData<$former> = PhantomData::<$now>; )*};
}

#[test]
#[expect(deprecated, reason = "the former names")]
fn each_former_name_is_the_type_that_has_moved() {
    use twoviews::{data, encode, estimator, loaders, losses::DCLLoss, models, optim};
    use twoviews::{prelude, rng, train, transforms, weights};

    assert_same! {
        data::Batch => loaders::Batch,
        data::Batches => loaders::Batches,
        data::DataLoader => loaders::DataLoader,
        data::MultiViewsLoader => loaders::MultiViewsLoader,
        data::MultiViewsLoaderConfig => loaders::MultiViewsLoaderConfig,
        data::ViewsBatch => loaders::ViewsBatch,
        dyn data::ViewsLoader => dyn loaders::ViewsLoader,
        rng::Draws => rng::RandomStream,
        prelude::Draws => rng::RandomStream,
        transforms::Step => transforms::AnyTransform,
        prelude::Step => transforms::AnyTransform,
        train::Checkpoints => estimator::Checkpoints,
        train::ContrastiveConfig => estimator::ContrastiveConfig,
        train::FitOptions => estimator::FitOptions,
        train::History => estimator::History,
        train::Hook => estimator::Hook,
        train::OnlineKnn => estimator::OnlineKnn,
        train::LrScheduler => optim::LrScheduler,
        train::OptimizerKind => optim::OptimizerKind,
        train::EncoderKind => models::EncoderKind,
        models::Estimator<DCLLoss> => estimator::Estimator<DCLLoss>,
        models::SimCLR => estimator::SimCLR,
        models::SimCLRConfig => estimator::SimCLRConfig,
        models::DCL => estimator::DCL,
        models::DCLConfig => estimator::DCLConfig,
        models::DCLW => estimator::DCLW,
        models::InferenceEncoder => encode::InferenceEncoder,
        models::Precision => encode::Precision,
        weights::Weights => estimator::Weights,
    }
}

#[test]
#[expect(deprecated, reason = "the former names")]
fn former_names_of_loaders_and_streams_still_work() -> Result<()> {
    use twoviews::data::{MultiViewsLoader, MultiViewsLoaderConfig, Shapes10, ViewsLoader};
    use twoviews::prelude::{Draws, Step, ToTensor, View};

    let shapes = Shapes10 { num_images: 4, ..Default::default() }.generate()?;
    let batch: twoviews::data::Batch =
        twoviews::data::DataLoader::new(&shapes, 2, 0)?.iter().next().unwrap()?;
    let step: Step = ToTensor.into();
    step.apply(&mut View::from_image(&shapes.image(0))?, &mut Draws::new(1, 2, 3, 4))?;
    let views = twoviews::transforms::MultiViewsTransform::new(step, 1)?;
    let config = MultiViewsLoaderConfig { batch_size: 2, num_workers: 0, ..Default::default() };
    let loader = MultiViewsLoader::new(shapes, views, config)?;
    let views: twoviews::data::ViewsBatch = loader.epoch(0, 0)?.next().unwrap()?;
    assert_eq!(views.views[0].size(), batch.images.size());
    Ok(())
}

#[test]
#[expect(deprecated, reason = "the former places")]
fn former_places_hold_what_has_moved() -> Result<()> {
    let config = twoviews::models::DCLConfig {
        encoder: twoviews::train::EncoderKind::ResNet8,
        optimizer: twoviews::train::OptimizerKind::AdamW,
        lr_scheduler: twoviews::train::LrScheduler::Constant,
        ..twoviews::train::ContrastiveConfig::tutorial(32)
    };
    let model = twoviews::models::DCL::new(config, Device::Cpu)?;
    let precision = twoviews::models::Precision::Float32;
    let encoder = twoviews::models::InferenceEncoder::new(&model.encoder, precision)?;
    let x = Tensor::zeros([1, 3, 32, 32], (Kind::Float, Device::Cpu));
    assert_eq!(encoder.forward(&x)?.size(), [1, 128]);
    assert_eq!(twoviews::train::learning_rate(&model.config.lr_scheduler, 1.0, 0, 1, 1), 1.0);
    let weights: twoviews::weights::Weights = twoviews::weights::Weights::new(".", None, "x.pt")?;
    let mut model: twoviews::models::Estimator<twoviews::losses::DCLLoss> = model;
    assert!(weights.load_pretrained(&mut model).is_err());
    let options = twoviews::train::FitOptions {
        checkpoints: Some(twoviews::train::Checkpoints::new("x")),
        ..Default::default()
    };
    assert!(options.knn.is_none());
    Ok(())
}
