//! The losses on plain slices, and what pages compute with them, against those of tensors.

// The package of the pages has no tensors.
#[path = "../web/src/circle.rs"]
mod circle;
#[path = "../web/src/coupling.rs"]
mod coupling;
mod support;

use circle::Circle;
use coupling::{BARS, Coupling};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::{assert_close, wave};
use tch::{Kind, Tensor};
use twoviews::Error;
use twoviews::losses::{
    ContrastiveLoss, CosineSimilarities, DCLLoss, DCLWLoss, InfoNCE, alignment, npc_multiplier,
    uniformity,
};

fn tensor_form<L: ContrastiveLoss>(temperature: f64, z1: &[f64], z2: &[f64], width: usize) -> f64 {
    let [z1, z2] = [z1, z2].map(|z| Tensor::from_slice(z).view([-1, width as i64]));
    L::new(temperature).unwrap().forward(&z1, &z2).unwrap().double_value(&[])
}

fn compare(n: usize, width: usize, temperature: f64, seed: f64, scale: f64) {
    let [z1, z2] = [seed, seed + 3.0].map(|seed| {
        let z: Vec<f64> = wave(n * width, seed).iter().map(|x| x * scale).collect();
        z
    });
    let whole = CosineSimilarities::new(&z1, &z2, width).unwrap();
    // A smaller batch is cut out of a larger one; both have to agree with tensors.
    for n in [n, n / 2 + 1] {
        let (z1, z2) = (&z1[..n * width], &z2[..n * width]);
        let found = whole.first(n).unwrap().at_temperature(temperature).unwrap();
        let values = [found.info_nce(), found.dcl(), found.dclw()];
        let expected = [
            tensor_form::<InfoNCE>(temperature, z1, z2, width),
            tensor_form::<DCLLoss>(temperature, z1, z2, width),
            tensor_form::<DCLWLoss>(temperature, z1, z2, width),
        ];
        // Rounding is relative to the similarities, which grow with the inverse temperature.
        assert_close(&values, &expected, 1e-12 * (1.0 + 1.0 / temperature), "loss");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(42), cases: 200, ..Default::default() })]

    #[test]
    fn values_equal_those_of_tensors(
        n in 2usize..40, width in 1usize..20, log_temperature in -3.0f64..2.0, seed in 0.0f64..100.0,
        log_scale in -5.0f64..5.0,
    ) {
        compare(n, width, 10f64.powf(log_temperature), seed, 10f64.powf(log_scale));
    }

    #[test]
    fn no_value_panics(
        z in prop::collection::vec(prop::num::f64::ANY, 0..40), width in 0usize..5, n in 0usize..8,
        temperature in prop::num::f64::ANY,
    ) {
        let half = z.len() / 2;
        if let Ok(batch) = CosineSimilarities::new(&z[..half], &z[half..], width) {
            let _ = batch.first(n);
            if let Ok(found) = batch.at_temperature(temperature) {
                let all = [found.info_nce(), found.dcl(), found.dclw()];
                prop_assert!(all.iter().all(|x| x.is_finite()), "{all:?} at {temperature}");
                let shares: f64 = found.gradient_shares().iter().sum();
                prop_assert!((shares - 1.0).abs() < 1e-9, "{shares}");
                prop_assert!(found.q().iter().all(|q| (0.0..=1.0).contains(q)));
            }
        }
    }
}

/// The derivatives of the losses by each anchor's s_i, as libtorch finds them: -q_i / 2N and -1 / 2N.
#[test]
fn q_and_shares_are_the_derivatives_by_the_positive_similarities() {
    let (n, width) = (7, 5);
    let (z1, z2) = (wave(n * width, 4.0), wave(n * width, 5.0));
    let batch = CosineSimilarities::new(&z1, &z2, width).unwrap();
    let anchors = 2 * n as i64;
    for temperature in [0.02, 0.1, 1.0] {
        let s = Tensor::from_slice(batch.cosines()).view([anchors, anchors]) / temperature;
        let s = s.set_requires_grad(true);
        let itself = Tensor::eye(anchors, (Kind::Bool, s.device()));
        let partner = itself.roll([n as i64], [1]);
        let all = s.masked_fill(&itself, f64::NEG_INFINITY).logsumexp([1i64].as_slice(), false);
        let loss = (all - s.masked_select(&partner)).mean(None::<Kind>);
        let gradient = Tensor::run_backward(&[&loss], &[&s], false, false).remove(0);
        let pull = Vec::<f64>::try_from(gradient.masked_select(&partner)).unwrap();
        let found = batch.at_temperature(temperature).unwrap();
        assert_close(&[found.info_nce()], &[loss.double_value(&[])], 1e-12, "loss");
        let expected: Vec<f64> = pull.iter().map(|g| -g * anchors as f64).collect();
        assert_close(&found.q(), &expected, 1e-12, "q");
        let sum: f64 = pull.iter().sum();
        let expected: Vec<f64> = pull.iter().map(|g| g / sum).collect();
        assert_close(&found.gradient_shares(), &expected, 1e-12, "share");
    }
}

/// Where every partner is found long ago, all q are 0 in double precision and their shares still are not.
#[test]
fn shares_survive_where_q_does_not() {
    let z1 = [1.0, 0.0, 0.0, 1.0];
    let z2 = [1.0, 0.0, 0.001, 1.0];
    let found = CosineSimilarities::new(&z1, &z2, 2).unwrap().at_temperature(1e-4).unwrap();
    assert!(found.q().iter().all(|&q| q == 0.0));
    assert_eq!((found.info_nce(), found.dcl() < -9000.0), (0.0, true));
    // A negative of the first anchor is nearer than those of the second.
    let shares = found.gradient_shares();
    assert!(
        (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12 && shares[0] > shares[1],
        "{shares:?}"
    );
}

#[test]
fn the_circles_numbers_are_those_of_tensors() {
    for (arc, apart) in [(0.0, 0.0), (0.0, 180.0), (75.0, 3.0), (240.0, 12.0), (360.0, 180.0)] {
        let circle = Circle { arc, apart };
        let points = circle.angles().into_iter().map(f64::to_radians);
        let z: Vec<f64> = points.flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let (z1, z2) = z.split_at(z.len() / 2);
        let [a, b] = [z1, z2].map(|z| Tensor::from_slice(z).view([-1, 2]));
        for temperature in [0.05, 0.5, 1.0] {
            let uniformities = [&a, &b].map(|z| uniformity(z, 2.0).unwrap());
            let expected = [
                alignment(&a, &b, 2.0).unwrap(),
                (uniformities[0] + uniformities[1]) / 2.0,
                tensor_form::<InfoNCE>(temperature, z1, z2, 2),
                tensor_form::<DCLLoss>(temperature, z1, z2, 2),
            ];
            let found = circle.numbers(temperature).unwrap();
            assert_close(&found, &expected, 1e-9, &format!("{circle:?} at {temperature}"));
        }
    }
}

/// The gradient of a loss by embeddings of length 1, as libtorch finds it.
fn gradient<L: ContrastiveLoss>(temperature: f64, z: [&Tensor; 2]) -> Tensor {
    let n = z[0].size()[0];
    let z = Tensor::cat(&z, 0);
    let z = (&z / z.norm_scalaropt_dim(2, [1], true)).set_requires_grad(true);
    let loss = L::new(temperature).unwrap().forward(&z.narrow(0, 0, n), &z.narrow(0, n, n));
    Tensor::run_backward(&[loss.unwrap()], &[&z], false, false).remove(0)
}

#[test]
fn the_gradients_that_a_page_compares_are_those_of_tensors() {
    let (images, width) = (12, 5);
    let (z1, z2) = (wave(images * width, 4.0), wave(images * width, 5.0));
    let mut coupling = Coupling::new([z1.clone(), z2.clone()], width).unwrap();
    let [z1, z2] = [z1, z2].map(|z| Tensor::from_slice(&z).view([-1, width as i64]));
    for (n, temperature) in [2, 5, 12].into_iter().flat_map(|n| [0.05, 0.5].map(|t| (n, t))) {
        coupling.deal(n).unwrap();
        let (mut q, mut lengths, mut cosines) = (Vec::new(), Vec::new(), Vec::new());
        for start in (0..=images - n).step_by(n) {
            let z = [&z1, &z2].map(|z| z.narrow(0, start as i64, n as i64));
            let info_nce = gradient::<InfoNCE>(temperature, [&z[0], &z[1]]);
            let dcl = gradient::<DCLLoss>(temperature, [&z[0], &z[1]]);
            let [a, b] = [&info_nce, &dcl].map(|it| it.norm().double_value(&[]));
            lengths.push(a / b);
            cosines.push((info_nce * dcl).sum(Kind::Double).double_value(&[]) / (a * b));
            let of_batch = npc_multiplier(&z[0], &z[1], temperature).unwrap();
            q.extend(Vec::<f64>::try_from(of_batch).unwrap());
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let found = coupling.numbers(temperature).unwrap();
        let expected = [mean(&q), mean(&lengths), mean(&cosines)];
        assert_close(&found[..3], &expected, 1e-9, &format!("{n} images at {temperature}"));
        let bar = |x: f64| ((x * BARS as f64) as usize).min(BARS - 1);
        for (i, share) in found[3..].iter().enumerate() {
            let count = q.iter().filter(|&&x| bar(x) == i).count();
            assert!((share - count as f64 / q.len() as f64).abs() < 1e-9, "bar {i} of {n}");
        }
    }
}

#[test]
fn bad_input_is_named() {
    let z = wave(12, 1.0);
    for (z1, z2, width, named) in [
        (&z[..], &z[..], 0, "width = 0"),
        (&z, &z, 5, "z1"),
        (&z, &z[..9], 3, "z2"),
        (&z[..3], &z[..3], 3, "N >= 2"),
        (&[], &[], 3, "N >= 2"),
        (&[f64::NAN, 1.0], &[1.0, 1.0], 1, "z1 is not finite in row 0"),
        (&[1.0, 1.0], &[1.0, f64::INFINITY], 1, "z2 is not finite in row 1"),
        (&[1e200, 1.0], &[1.0, 1.0], 1, "z1 is not finite in row 0"),
    ] {
        let error = CosineSimilarities::new(z1, z2, width).unwrap_err().to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
    let batch = CosineSimilarities::new(&z, &z, 3).unwrap();
    for n in [0, 1, 5] {
        assert!(matches!(batch.first(n), Err(Error::Parameter { name: "n", .. })));
    }
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY, 5e-324] {
        let error = batch.at_temperature(temperature).unwrap_err();
        assert!(matches!(error, Error::Parameter { name: "temperature", .. }), "{error}");
    }
}
