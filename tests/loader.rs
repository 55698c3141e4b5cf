//! The labelled loader: exact values, order, the last batch, and workers.

use tch::{Kind, Tensor};
use twoviews::Error;
use twoviews::data::{ImageDataset, Shapes10, Subset};
use twoviews::loaders::DataLoader;

fn shapes(num_images: usize) -> ImageDataset {
    Shapes10 { num_images, ..Default::default() }.generate().unwrap()
}

#[test]
fn pixels_are_scaled_as_by_to_tensor_and_normalize() {
    let pixels: Vec<u8> = (0..3072).map(|i| (i % 256) as u8).collect();
    let dataset =
        ImageDataset::new("all bytes", (32, 32), pixels, vec![0], vec!["a".into()]).unwrap();
    let batch = DataLoader::new(&dataset, 1, 0).unwrap().iter().next().unwrap().unwrap();
    assert_eq!(batch.images.size(), [1, 3, 32, 32]);
    for (row, column, channel) in [(0, 0, 0), (0, 1, 1), (9, 3, 2), (31, 31, 2)] {
        let byte = ((row * 32 + column) * 3 + channel) % 256;
        let expected = (f32::from(byte as u8) / 255.0 - 0.5) / 0.5;
        let found = batch.images.double_value(&[0, channel, row, column]) as f32;
        assert_eq!(found, expected, "byte {byte}");
    }
}

#[test]
fn every_number_of_workers_gives_the_same_batches_in_order() {
    let dataset = shapes(53);
    let subset = Subset::new(&dataset, &(0..53).rev().collect::<Vec<_>>()).unwrap();
    let all = |workers| {
        let loader = DataLoader::new(&subset, 8, workers).unwrap();
        assert_eq!((loader.len(), loader.num_batches()), (53, 7));
        let batches: Vec<_> = loader.iter().map(Result::unwrap).collect();
        assert_eq!(batches.last().unwrap().targets.size(), [5]);
        let images = Tensor::cat(&batches.iter().map(|b| &b.images).collect::<Vec<_>>(), 0);
        let targets = Tensor::cat(&batches.iter().map(|b| &b.targets).collect::<Vec<_>>(), 0);
        (images, Vec::<i64>::try_from(targets).unwrap())
    };
    let (images, targets) = all(0);
    assert_eq!(targets, (0..53).rev().map(|i| i % 10).collect::<Vec<i64>>());
    for workers in [1, 3, 20] {
        let (other, same) = all(workers);
        assert!(images.eq_tensor(&other).all().int64_value(&[]) == 1 && same == targets);
    }
    assert_eq!(images.kind(), Kind::Float);
}

#[test]
fn a_dropped_iterator_frees_its_workers() {
    let dataset = shapes(200);
    for _ in 0..50 {
        let mut batches = DataLoader::new(&dataset, 2, 4).unwrap().iter();
        assert!(batches.next().unwrap().is_ok());
    }
}

#[test]
fn bad_input_is_named() {
    let dataset = shapes(10);
    assert!(matches!(
        DataLoader::new(&dataset, 0, 0),
        Err(Error::Parameter { name: "batch_size", .. })
    ));
    let empty = Subset::new(&dataset, &[]).unwrap();
    assert!(matches!(DataLoader::new(empty, 4, 0), Err(Error::Parameter { name: "subset", .. })));
    let error = Subset::new(&dataset, &[3, 10]).unwrap_err().to_string();
    assert!(error.contains("index = 10"), "{error}");
    let classes = vec!["a".to_owned()];
    let wrong = ImageDataset::new("x", (1, 1), vec![0; 3], vec![1], classes.clone());
    assert!(wrong.unwrap_err().to_string().contains("target = 1"));
    assert!(matches!(
        ImageDataset::new("x", (1, 1), vec![0; 4], vec![0], classes),
        Err(Error::Shape { .. })
    ));
}

#[test]
fn greyscale_images_are_named() {
    let dataset = ImageDataset::new("grey", (2, 2), vec![0; 8], vec![0; 2], vec!["a".into()]);
    let error = dataset.unwrap_err().to_string();
    assert!(error.contains("greyscale") && error.contains("three times"), "{error}");
    let image = twoviews::data::Image { height: 2, width: 2, pixels: vec![0; 4] };
    let error = twoviews::transforms::View::from_image(&image).unwrap_err().to_string();
    assert!(error.contains("greyscale"), "{error}");
}
