//! The loader of views: order, workers, resuming, stopping and bad input.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use twoviews::Error;
use twoviews::data::{ImageDataset, Shapes10, Subset};
use twoviews::loaders::{MultiViewsLoader, MultiViewsLoaderConfig, ViewsBatch, ViewsLoader};
use twoviews::rng::RandomStream;
use twoviews::transforms::{
    Compose, MultiViewsTransform, ToTensor, Transform, View, simclr_transform,
};

fn shapes(num_images: usize) -> ImageDataset {
    Shapes10 { num_images, ..Default::default() }.generate().unwrap()
}

fn two_views() -> MultiViewsTransform {
    MultiViewsTransform::new(simclr_transform(), 2).unwrap()
}

fn config(num_workers: usize) -> MultiViewsLoaderConfig {
    MultiViewsLoaderConfig { batch_size: 8, num_workers, ..Default::default() }
}

fn collect(loader: &MultiViewsLoader, epoch: u64, first: usize) -> Vec<ViewsBatch> {
    loader.epoch(epoch, first).unwrap().collect::<Result<_, _>>().unwrap()
}

fn assert_same(a: &[ViewsBatch], b: &[ViewsBatch]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.indices, b.indices);
        assert!(a.targets.equal(&b.targets));
        assert!(a.views.iter().zip(&b.views).all(|(a, b)| a.equal(b)));
    }
}

#[test]
fn batches_do_not_depend_on_the_workers_and_resume_anywhere() {
    let images = shapes(60);
    let alone = MultiViewsLoader::new(&images, two_views(), config(0)).unwrap();
    let expected = collect(&alone, 3, 0);
    assert_eq!(expected.len(), 8);
    for workers in [1, 2, 3, 5, 20] {
        let loader = MultiViewsLoader::new(&images, two_views(), config(workers)).unwrap();
        assert_same(&collect(&loader, 3, 0), &expected);
        assert_same(&collect(&loader, 3, 5), &expected[5..]);
        assert!(collect(&loader, 3, 8).is_empty());
    }
}

#[test]
fn an_epoch_shows_every_image_once_in_a_new_order() {
    let images = shapes(60);
    let subset = Subset::new(&images, &(0..60).rev().collect::<Vec<_>>()).unwrap();
    let loader = MultiViewsLoader::new(&subset, two_views(), config(2)).unwrap();
    let order = |epoch| -> Vec<usize> {
        collect(&loader, epoch, 0).iter().flat_map(|batch| batch.indices.clone()).collect()
    };
    let (first, second) = (order(0), order(1));
    assert_ne!(first, second);
    for mut order in [first.clone(), second] {
        order.sort_unstable();
        assert!(order.into_iter().eq(0..60));
    }
    let targets: Vec<i64> = collect(&loader, 0, 0)
        .iter()
        .flat_map(|batch| Vec::<i64>::try_from(&batch.targets).unwrap())
        .collect();
    let expected: Vec<i64> = first.iter().map(|&i| i64::from(subset.targets()[i])).collect();
    assert_eq!(targets, expected);
    let unshuffled = MultiViewsLoaderConfig { shuffle: false, ..config(2) };
    let loader = MultiViewsLoader::new(&subset, two_views(), unshuffled).unwrap();
    assert!(collect(&loader, 0, 0).iter().flat_map(|b| b.indices.clone()).eq(0..60));
}

#[test]
fn the_last_batch_is_kept_or_dropped() {
    for (drop_last, expected) in [(false, 4), (true, 8)] {
        let config = MultiViewsLoaderConfig { drop_last, ..config(1) };
        let loader = MultiViewsLoader::new(shapes(60), two_views(), config).unwrap();
        let batches = collect(&loader, 0, 0);
        assert_eq!(batches.len(), loader.batches_per_epoch());
        assert_eq!(batches.last().unwrap().views[0].size(), [expected, 3, 32, 32]);
    }
}

#[test]
fn dropping_an_epoch_stops_its_workers_and_memory_is_bounded() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let counted = move |_: &mut View, _: &mut RandomStream| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let transform = Compose::new([counted.into(), ToTensor.into()]).unwrap();
    let views = MultiViewsTransform::new(transform, 1).unwrap();
    let loader = MultiViewsLoader::new(shapes(2_000), views, config(2)).unwrap();
    let mut epoch = loader.epoch(0, 0).unwrap();
    epoch.next().unwrap().unwrap();
    drop(epoch);
    let after = made.load(Ordering::Relaxed);
    // Each of the two workers may have two batches waiting, one in its hands and one begun.
    assert!(after <= 8 * (1 + 2 * 4), "{after} views were made");
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(made.load(Ordering::Relaxed), after);
}

#[test]
fn a_panic_in_a_transform_reaches_the_caller() {
    for workers in [0, 1, 3] {
        let faulty = |view: &mut View, draws: &mut RandomStream| {
            assert!(draws.below(20) > 0, "twenty sides");
            ToTensor.apply(view, draws)
        };
        let views = MultiViewsTransform::new(faulty, 2).unwrap();
        let loader = MultiViewsLoader::new(shapes(200), views, config(workers)).unwrap();
        let last = loader.epoch(0, 0).unwrap().last().unwrap();
        match last {
            Err(Error::Worker { message, place, .. }) => {
                assert_eq!(message, "twenty sides");
                assert!(place.contains("epoch 0, batch"), "{place}");
            }
            other => panic!("{workers} workers: {other:?}"),
        }
    }
}

#[test]
fn an_error_of_a_transform_reaches_the_caller() {
    let nothing = |_: &mut View, _: &mut RandomStream| Ok(());
    let views = MultiViewsTransform::new(nothing, 2).unwrap();
    let loader = MultiViewsLoader::new(shapes(20), views, config(2)).unwrap();
    let results: Vec<_> = loader.epoch(0, 0).unwrap().collect();
    assert_eq!(results.len(), 1, "nothing follows an error");
    assert!(results[0].as_ref().unwrap_err().to_string().contains("ToTensor"));
}

#[test]
fn impossible_configurations_are_refused() {
    let images = shapes(10);
    let none = Subset::new(&images, &[]).unwrap();
    let name = |result: twoviews::Result<MultiViewsLoader>| match result {
        Err(Error::Parameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let default = MultiViewsLoaderConfig::default();
    assert_eq!(name(MultiViewsLoader::new(&none, two_views(), default)), "subset");
    for (config, expected) in [
        (MultiViewsLoaderConfig { batch_size: 0, ..default }, "batch_size"),
        (MultiViewsLoaderConfig { prefetch: 0, ..default }, "prefetch"),
        (MultiViewsLoaderConfig { batch_size: 11, drop_last: true, ..default }, "batch_size"),
    ] {
        assert_eq!(name(MultiViewsLoader::new(&images, two_views(), config)), expected);
    }
    let loader = MultiViewsLoader::new(&images, two_views(), default).unwrap();
    assert!(loader.epoch(0, 2).is_err() && loader.epoch(1 << 32, 0).is_err());
}
