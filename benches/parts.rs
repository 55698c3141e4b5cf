//! Times of the library's parts: `cargo xtask bench`, or `cargo bench --bench parts [-- FILTER]`.
//!
//! Each name says what one iteration handles; divan prints medians and, where there are items, rates.

use std::io::Write;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use flate2::{Compression, write::GzEncoder};
use twoviews::encode::{InferenceEncoder, Precision};
use twoviews::ndarray::{Array1, Array2};
use twoviews::prelude::*;
use twoviews::weights::read_state_dict;

fn main() {
    divan::main();
}

fn shapes(num_images: usize) -> ImageDataset {
    Shapes10 { num_images, ..Default::default() }.generate().unwrap()
}

/// Views of one image.
#[divan::bench]
fn views(bencher: Bencher<'_, '_>) {
    let images = shapes(64);
    let transform = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
    let (mut view, mut index) = (View::default(), 0);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        index = (index + 1) % 64;
        view.load(images.pixels(index), images.size()).unwrap();
        transform.apply(0, &mut view, &mut RandomStream::new(42, 0, index as u64, 0)).unwrap();
        black_box(view.values().unwrap()[0])
    });
}

/// A loss, forward and backward, of N images.
#[divan::bench(types = [InfoNCE, DCLLoss, DCLWLoss], args = [32, 256, 1024], max_time = 2)]
fn losses<L: ContrastiveLoss>(bencher: Bencher<'_, '_>, n: i64) {
    let loss = L::new(0.07).unwrap();
    let z = || Tensor::randn([n, 128], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let z = [z(), z()];
    bencher.bench_local(|| {
        let value = loss.forward(&z[0], &z[1]).unwrap();
        Tensor::run_backward(&[value], &z, false, false)
    });
}

/// The prepared ResNet-18 on 64 images.
#[divan::bench(args = [Precision::Float32, Precision::BFloat16], max_time = 4)]
fn encode(bencher: Bencher<'_, '_>, precision: Precision) {
    let model = DCL::new(DCLConfig::tutorial(32), Device::Cpu).unwrap();
    let x = Tensor::randn([64, 3, 32, 32], (Kind::Float, Device::Cpu));
    match InferenceEncoder::new(&model.encoder, precision) {
        Ok(encoder) => {
            bencher.counter(ItemsCount::new(64u32)).bench_local(|| encoder.forward(&x).unwrap())
        }
        Err(error) => println!("skipped: {error}"),
    }
}

/// One epoch of one step with N images, by the small encoder; the views are made, too.
#[divan::bench(args = [32, 256], max_time = 4)]
fn step(bencher: Bencher<'_, '_>, n: usize) {
    let config =
        DCLConfig { encoder: EncoderKind::ResNet8, max_epochs: 1, ..DCLConfig::tutorial(n) };
    let config = DCLConfig { lr_scheduler: LrScheduler::Constant, ..config };
    let mut model = DCL::new(config, Device::Cpu).unwrap();
    let views = MultiViewsTransform::new(simclr_transform(), 2).unwrap();
    let config = MultiViewsLoaderConfig { batch_size: n, num_workers: 0, ..Default::default() };
    let loader = MultiViewsLoader::new(shapes(n), views, config).unwrap();
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        model.fit(&loader, FitOptions { quiet: true, ..Default::default() }).unwrap()
    });
}

/// The default probe on 5,000 x 128 features of 10 classes.
#[divan::bench(max_time = 4)]
fn probe(bencher: Bencher<'_, '_>) {
    let mut draws = RandomStream::new(42, 0, 0, 0);
    let y: Array1<i64> = (0..5_000).map(|i| i % 10).collect();
    let x = Array2::from_shape_fn((5_000, 128), |(i, j)| {
        draws.uniform() + if j as i64 % 10 == y[i] { 0.1 } else { 0.0 }
    });
    bencher.bench_local(|| LogisticRegression::default().fit(&x, &y).unwrap());
}

/// All tensors of a ResNet-18 with its head, 45 MB.
#[divan::bench(max_time = 4)]
fn checkpoint_read(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    DCL::new(DCLConfig::tutorial(32), Device::Cpu).unwrap().save(&path).unwrap();
    bencher.bench_local(|| read_state_dict(&path).unwrap());
}

/// 6 x 10,000 images: unpacked from an archive of the official layout, and read.
#[divan::bench(max_time = 6)]
fn archive_read(bencher: Bencher<'_, '_>) {
    let source = tempfile::tempdir().unwrap();
    let archive = source.path().join("cifar-10-binary.tar.gz");
    std::fs::write(&archive, official_layout()).unwrap();
    let fresh = || {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(&archive, folder.path().join("cifar-10-binary.tar.gz")).unwrap();
        folder
    };
    bencher.with_inputs(fresh).bench_local_refs(|folder| {
        let data_dir = Some(folder.path().to_owned());
        let md5 = Some(String::new());
        Cifar10::load(&Cifar10Config { data_dir, url: Some("file:///none".into()), md5 })
    });
}

/// An archive of pixels that compress about as well as photographs.
fn official_layout() -> Vec<u8> {
    let mut draws = RandomStream::new(42, 0, 0, 0);
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let names = (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".into()]);
    for name in names {
        let mut content = Vec::with_capacity(10_000 * 3073);
        for i in 0..10_000 {
            content.push((i % 10) as u8);
            for p in 0..3072 {
                content.push((p / 16 + (draws.uniform() * 64.0) as usize) as u8);
            }
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        let path = format!("cifar-10-batches-bin/{name}");
        tar.append_data(&mut header, path, content.as_slice()).unwrap();
    }
    let mut encoder = tar.into_inner().unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap()
}
