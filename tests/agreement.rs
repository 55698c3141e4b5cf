//! The fast ways against the plain ones: encoders, precisions, losses in blocks, the probe.

mod support;

use ndarray::{Array1, Array2};
use support::{assert_close, wave};
use tch::{Device, Kind, Tensor};
use twoviews::data::Shapes10;
use twoviews::encode::Precision;
use twoviews::estimator::{DCL, DCLConfig};
use twoviews::loaders::DataLoader;
use twoviews::losses::{ContrastiveLoss, DCLLoss, InfoNCE};
use twoviews::probes::LogisticRegression;

/// The tutorial's network with statistics of batch norm that come from images.
fn model(images: &DataLoader) -> DCL {
    let model = DCL::new(DCLConfig::tutorial(32), Device::Cpu).unwrap();
    let _guard = tch::no_grad_guard();
    for batch in images.iter().take(4) {
        let _ = model.encode(&batch.unwrap().images, true).unwrap();
    }
    model
}

fn plain(model: &DCL, images: &DataLoader) -> Array2<f32> {
    let _guard = tch::no_grad_guard();
    let rows: Vec<f32> = images
        .iter()
        .flat_map(|batch| {
            let h = model.encode(&batch.unwrap().images, false).unwrap();
            Vec::<f32>::try_from(h.flatten(0, -1)).unwrap()
        })
        .collect();
    Array2::from_shape_vec((images.len(), 128), rows).unwrap()
}

/// Largest difference, relative to the largest feature.
fn distance(found: &Array2<f32>, expected: &Array2<f32>) -> f32 {
    let largest = |x: &Array2<f32>| x.iter().fold(0f32, |a, b| a.max(b.abs()));
    largest(&(found - expected)) / largest(expected)
}

#[test]
fn encoding_agrees_with_the_plain_network() {
    let shapes = Shapes10 { num_images: 320, ..Default::default() }.generate().unwrap();
    let images = DataLoader::new(shapes, 64, 1).unwrap();
    let model = model(&images);
    let expected = plain(&model, &images);
    let threads = tch::get_num_threads();
    let (fast, y) = model.transform_with_targets(&images).unwrap();
    assert_eq!(tch::get_num_threads(), threads, "the threads are lent");
    let difference = distance(&fast, &expected);
    assert!(difference < 1e-5, "{difference}");
    let probe = LogisticRegression::default().fit(&expected, &y).unwrap();
    let agreement = |x: &Array2<f32>| {
        let (found, expected) = (probe.predict(x).unwrap(), probe.predict(&expected).unwrap());
        found.iter().zip(&expected).filter(|(a, b)| a == b).count() as f64 / y.len() as f64
    };
    assert!(agreement(&fast) >= 0.999);

    let Ok((half, _)) = model.transform_with_targets_in(&images, Precision::BFloat16) else {
        println!("skipped: this processor has no instructions for bfloat16");
        return;
    };
    let difference = distance(&half, &expected);
    assert!(difference > 1e-5 && difference < 1.5e-2, "{difference}");
    let accuracy = |x: &Array2<f32>| probe.score(x, &y).unwrap();
    assert!((accuracy(&half) - accuracy(&expected)).abs() <= 0.01);
}

#[test]
fn images_of_another_size_are_encoded_too() {
    let images = Tensor::from_slice(&wave(2 * 3 * 24 * 24, 9.0)).view([2, 3, 24, 24]);
    let images = images.to_kind(Kind::Float);
    let model = DCL::new(DCLConfig::tutorial(32), Device::Cpu).unwrap();
    let encoder =
        twoviews::encode::InferenceEncoder::new(&model.encoder, Precision::Float32).unwrap();
    let flat = |x: Tensor| Vec::<f64>::try_from(x.to_kind(Kind::Double).flatten(0, -1)).unwrap();
    let expected = flat(model.encode(&images, false).unwrap());
    assert_close(&flat(encoder.forward(&images).unwrap()), &expected, 1e-5, "24 x 24");
}

/// More embeddings than a block has rows, against one matrix of all of them.
#[test]
fn losses_in_blocks_equal_the_whole() {
    let n = 700;
    let view = |seed| {
        let z = Tensor::from_slice(&wave(n as usize * 8, seed)).view([n, 8]);
        z.set_requires_grad(true)
    };
    let views = [view(1.0), view(2.0)];
    let temperature = 0.2;
    let unit = |z: &Tensor| z / z.norm_scalaropt_dim(2, [1], true);
    let z = Tensor::cat(&[unit(&views[0]), unit(&views[1])], 0);
    let pairs = z.matmul(&z.tr()) / temperature;
    let itself = Tensor::eye(2 * n, (Kind::Bool, Device::Cpu));
    let partner = itself.roll([n], [1]);
    let positives = pairs.masked_select(&partner);
    let whole = |left_out: &Tensor| {
        let kept = pairs.masked_fill(left_out, f64::NEG_INFINITY);
        (kept.logsumexp([1i64].as_slice(), false) - &positives).mean(None::<Kind>)
    };
    let info_nce = InfoNCE::new(temperature).unwrap().forward(&views[0], &views[1]).unwrap();
    let dcl = DCLLoss::new(temperature).unwrap().forward(&views[0], &views[1]).unwrap();
    for (found, expected, what) in
        [(info_nce, whole(&itself), "InfoNCE"), (dcl, whole(&itself.logical_or(&partner)), "DCL")]
    {
        let numbers = |loss: &Tensor| -> Vec<f64> {
            let gradients = Tensor::run_backward(&[loss], &views, true, false);
            let flat = Tensor::cat(&gradients, 0).view(-1);
            Tensor::cat(&[loss.view(1), flat], 0).try_into().unwrap()
        };
        assert_close(&numbers(&found), &numbers(&expected), 1e-12, what);
    }
}

/// Classes that hardly overlap, features of very different scales, almost no penalty: conjugate
/// gradients alone take long there.
#[test]
fn the_probe_converges_where_it_is_hard() {
    let (n, d) = (600, 12);
    let y: Array1<i64> = (0..n).map(|i| i as i64 % 3).collect();
    let noise = wave(n * d, 0.5);
    let x = Array2::from_shape_fn((n, d), |(i, j)| {
        let centre = if j as i64 % 3 == y[i] { 0.9 } else { 0.0 };
        (noise[i * d + j] + centre) * 10f64.powf(j as f64 / 4.0 - 1.0)
    });
    let probe = LogisticRegression { c: 1e6, tol: 1e-9, max_iter: 100, ..Default::default() };
    let fitted = probe.fit(&x, &y).unwrap();
    assert!(fitted.converged, "{fitted}");
    assert!(fitted.gradient_norm <= 1e-9 && fitted.n_iter.is_some_and(|n| n < 40), "{fitted}");
}
