//! The losses on plain slices against those of tensors.

mod support;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::{assert_close, wave};
use tch::{Kind, Tensor};
use twoviews::Error;
use twoviews::losses::{ContrastiveLoss, CosineSimilarities, DCLLoss, DCLWLoss, InfoNCE};

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
