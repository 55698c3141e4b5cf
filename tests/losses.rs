//! The losses against nidl, against a plain loop, and against what must always hold.

mod support;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::{assert_close, fixture, numbers, wave};
use tch::{Kind, Tensor};
use twoviews::Error;
use twoviews::losses::{ContrastiveLoss, DCLLoss, DCLWLoss, InfoNCE};

fn embeddings(n: i64, d: i64, seed: f64) -> Tensor {
    Tensor::from_slice(&wave((n * d) as usize, seed)).view([n, d])
}

/// The value and the gradients of a loss.
fn with_gradient<L: ContrastiveLoss>(
    temperature: f64,
    z1: &Tensor,
    z2: &Tensor,
) -> (f64, [Tensor; 2]) {
    let z = [z1, z2].map(|z| z.detach().set_requires_grad(true));
    let loss = L::new(temperature).unwrap().forward(&z[0], &z[1]).unwrap();
    let gradient = Tensor::run_backward(&[&loss], &[&z[0], &z[1]], false, false);
    (loss.double_value(&[]), gradient.try_into().unwrap())
}

fn compare_with_nidl<L: ContrastiveLoss>() {
    for case in fixture(include_str!("fixtures/losses/nidl.json")).as_array().unwrap() {
        let (n, d) = (case["n"].as_i64().unwrap(), case["d"].as_i64().unwrap());
        let temperature = case["temperature"].as_f64().unwrap();
        let (value, gradient) =
            with_gradient::<L>(temperature, &embeddings(n, d, 1.0), &embeddings(n, d, 2.0));
        let expected = &case[L::METHOD];
        assert_close(&[value], &numbers(&expected["value"]), 1e-10, "value");
        for (i, gradient) in gradient.iter().enumerate() {
            let flat: Vec<f64> = gradient.flatten(0, -1).try_into().unwrap();
            assert_close(&flat[..6], &numbers(&expected["gradient"][i]), 1e-8, "gradient");
            let norm = flat.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert_close(&[norm], &numbers(&expected["norm"][i]), 1e-8, "norm");
        }
    }
}

#[test]
fn info_nce_equals_nidls() {
    compare_with_nidl::<InfoNCE>();
}

#[test]
fn dcl_equals_nidls() {
    compare_with_nidl::<DCLLoss>();
}

#[test]
fn dclw_equals_nidls() {
    compare_with_nidl::<DCLWLoss>();
}

/// The definition, written as loops: InfoNCE, DCL, and q of every anchor.
fn loops(z: &[Vec<f64>], temperature: f64) -> (f64, f64, Vec<f64>) {
    let unit: Vec<Vec<f64>> = z
        .iter()
        .map(|v| {
            let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            v.iter().map(|x| x / norm).collect()
        })
        .collect();
    let (anchors, n) = (z.len(), z.len() / 2);
    let cosine = |i: usize, j: usize| -> f64 {
        unit[i].iter().zip(&unit[j]).map(|(a, b)| a * b).sum::<f64>() / temperature
    };
    let (mut info_nce, mut dcl, mut q) = (0.0, 0.0, Vec::new());
    for i in 0..anchors {
        let partner = (i + n) % anchors;
        let s = cosine(i, partner);
        let negatives: f64 =
            (0..anchors).filter(|&j| j != i && j != partner).map(|j| cosine(i, j).exp()).sum();
        info_nce += -s + (s.exp() + negatives).ln();
        dcl += -s + negatives.ln();
        q.push(negatives / (s.exp() + negatives));
    }
    (info_nce / anchors as f64, dcl / anchors as f64, q)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(42), cases: 200, ..Default::default() })]

    #[test]
    fn both_equal_their_definition_and_their_symmetries(
        n in 2i64..9, d in 1i64..6, temperature in 0.05f64..3.0, seed in 0.0f64..100.0,
        scale in 0.1f64..50.0,
    ) {
        let (z1, z2) = (embeddings(n, d, seed), embeddings(n, d, seed + 3.0));
        let both = Vec::<Vec<f64>>::try_from(Tensor::cat(&[&z1, &z2], 0)).unwrap();
        // A direction is what the losses compare; a vector of length 0 has none.
        prop_assume!(both.iter().all(|z| z.iter().map(|x| x * x).sum::<f64>() > 1e-6));
        let (info_nce, dcl, _) = loops(&both, temperature);
        let value = |a: &Tensor, b: &Tensor| {
            let i = InfoNCE::new(temperature).unwrap().forward(a, b).unwrap().double_value(&[]);
            let d = DCLLoss::new(temperature).unwrap().forward(a, b).unwrap().double_value(&[]);
            (i, d)
        };
        let found = value(&z1, &z2);
        prop_assert!((found.0 - info_nce).abs() < 1e-9 && (found.1 - dcl).abs() < 1e-9);
        prop_assert!(found.0 > found.1, "the positive pair only adds to the denominator");
        let order = Tensor::arange(n, (Kind::Int64, z1.device())).roll([1], [0]);
        for other in [
            value(&z2, &z1),
            value(&(&z1 * scale), &z2),
            value(&z1.index_select(0, &order), &z2.index_select(0, &order)),
        ] {
            prop_assert!((other.0 - found.0).abs() < 1e-9 && (other.1 - found.1).abs() < 1e-9);
        }
    }
}

/// d InfoNCE_i = q_i d DCL_i: the gradient of InfoNCE is that of DCL with anchors weighted by q.
#[test]
fn info_nces_gradient_is_dcls_times_q() {
    let (n, d, temperature) = (6, 5, 0.2);
    let (z1, z2) = (embeddings(n, d, 4.0), embeddings(n, d, 5.0));
    let both = Vec::<Vec<f64>>::try_from(Tensor::cat(&[&z1, &z2], 0)).unwrap();
    let q = Tensor::from_slice(&loops(&both, temperature).2);
    let z = Tensor::cat(&[&z1, &z2], 0).set_requires_grad(true);
    let unit = &z / z.norm_scalaropt_dim(2, [1], true);
    let s = unit.matmul(&unit.tr()) / temperature;
    let itself = Tensor::eye(2 * n, (Kind::Bool, z.device()));
    let partner = itself.roll([n], [1]);
    let positive = s.masked_select(&partner);
    let negatives = s
        .masked_fill(&itself.logical_or(&partner), f64::NEG_INFINITY)
        .logsumexp([1i64].as_slice(), false);
    let weighted = (q * (negatives - positive)).mean(None::<Kind>);
    let expected = Tensor::run_backward(&[weighted], &[&z], false, false).remove(0);
    let (_, gradient) = with_gradient::<InfoNCE>(temperature, &z1, &z2);
    let found = Tensor::cat(&gradient, 0);
    let flat = |t: &Tensor| Vec::<f64>::try_from(t.flatten(0, -1)).unwrap();
    assert_close(&flat(&found), &flat(&expected), 1e-10, "gradient");
}

#[test]
fn tiny_temperatures_and_half_precision_stay_finite() {
    let (z1, z2) = (embeddings(8, 16, 1.0), embeddings(8, 16, 2.0));
    for temperature in [1e-4, 1e-2, 1e3] {
        let (value, gradient) = with_gradient::<DCLLoss>(temperature, &z1, &z2);
        assert!(
            value.is_finite() && gradient.iter().all(|g| g.isfinite().all().int64_value(&[]) == 1)
        );
    }
    let exact = InfoNCE::new(0.5).unwrap().forward(&z1, &z2).unwrap().double_value(&[]);
    let [h1, h2] = [&z1, &z2].map(|z| z.to_kind(Kind::BFloat16));
    let half = InfoNCE::new(0.5).unwrap().forward(&h1, &h2).unwrap();
    assert_eq!(half.kind(), Kind::Float);
    assert!((half.double_value(&[]) - exact).abs() < 0.02);
}

/// A vector of length 0 has cosine 0 with everything.
#[test]
fn a_zero_embedding_is_harmless() {
    let mut z1 = embeddings(4, 3, 1.0);
    let _ = z1.narrow(0, 0, 1).zero_();
    let (value, gradient) = with_gradient::<DCLLoss>(0.5, &z1, &embeddings(4, 3, 2.0));
    assert!(value.is_finite() && gradient.iter().all(|g| g.isfinite().all().int64_value(&[]) == 1));
    z1 *= 0.0;
    let (value, _) = with_gradient::<InfoNCE>(0.5, &z1, &z1);
    assert!((value - 7f64.ln()).abs() < 1e-12, "every pair is alike: {value}");
}

#[test]
fn bad_input_is_named() {
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            DCLLoss::new(temperature),
            Err(Error::Parameter { name: "temperature", .. })
        ));
    }
    let loss = InfoNCE::new(0.1).unwrap();
    let z = embeddings(4, 3, 1.0);
    assert!(matches!(
        loss.forward(&z, &embeddings(3, 3, 1.0)),
        Err(Error::Shape { name: "z2", .. })
    ));
    assert!(matches!(loss.forward(&z.view(-1), &z.view(-1)), Err(Error::Shape { name: "z1", .. })));
    let one = embeddings(1, 3, 1.0);
    let error = loss.forward(&one, &one).unwrap_err().to_string();
    assert!(error.contains("N >= 2"), "{error}");
    let nan = &z * f64::NAN;
    assert!(matches!(loss.forward(&nan, &z), Err(Error::NonFinite { .. })));
}

#[test]
fn other_kinds_and_too_small_temperatures_are_named() {
    let z = embeddings(4, 3, 1.0);
    let loss = DCLLoss::new(0.1).unwrap();
    for kind in [Kind::Int64, Kind::Uint8, Kind::Bool, Kind::ComplexFloat] {
        let error = loss.forward(&z, &z.to_kind(kind)).unwrap_err().to_string();
        assert!(error.contains("z2") && error.contains(&format!("{kind:?}")), "{error}");
    }
    // float64 holds it, float32 does not.
    let cold = DCLLoss::new(1e-40).unwrap();
    assert!(cold.forward(&z, &z).is_ok());
    let float = z.to_kind(Kind::Float);
    let error = cold.forward(&float, &float).unwrap_err().to_string();
    assert!(error.contains("temperature") && error.contains("float32"), "{error}");
    // float32 holds the temperature, but not the mean of such similarities.
    let many = embeddings(64, 3, 1.0).to_kind(Kind::Float);
    let error = InfoNCE::new(1.5e-38).unwrap().forward(&many, &many.neg()).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "temperature", .. }), "{error}");
}
