//! Names that have moved or changed can still be used, for one version.

#[test]
#[expect(deprecated, reason = "the former names")]
fn former_names_of_loaders_and_streams_still_work() -> twoviews::Result<()> {
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
