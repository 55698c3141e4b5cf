//! What lessons measure of embeddings and predictions: against PyTorch and scikit-learn, by hand, and what must
//! always hold.

mod support;

use ndarray::{Array1, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::{assert_close, fixture, numbers, wave};
use tch::{Kind, Tensor};
use twoviews::Error;
use twoviews::losses::{
    ContrastiveLoss, CosineSimilarities, DCLLoss, DCLWLoss, InfoNCE, alignment, anchor_gradients,
    npc_multiplier, uniformity,
};
use twoviews::probes::stratified_subset;
use twoviews::stats::confusion_matrix;

fn embeddings(n: i64, d: i64, seed: f64) -> Tensor {
    Tensor::from_slice(&wave((n * d) as usize, seed)).view([n, d])
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_kind(Kind::Double).flatten(0, -1).try_into().unwrap()
}

fn anchors_equal_pytorchs<L: ContrastiveLoss>(case: &serde_json::Value, z1: &Tensor, z2: &Tensor) {
    let loss = L::new(case["temperature"].as_f64().unwrap()).unwrap();
    let found = loss.per_anchor(z1, z2).unwrap();
    let expected = &case[L::METHOD];
    assert_close(&values(&found), &numbers(&expected["losses"]), 1e-10, "losses");
    let mean = loss.forward(z1, z2).unwrap().double_value(&[]);
    assert_close(&[found.mean(Kind::Double).double_value(&[])], &[mean], 1e-14, "mean");
    let gradients = anchor_gradients(&loss, z1, z2).unwrap();
    let norms = gradients.norm_scalaropt_dim(2, [1i64, 2].as_slice(), false);
    assert_close(&values(&norms), &numbers(&expected["gradient norms"]), 1e-9, "gradient norms");
}

#[test]
fn measures_of_embeddings_equal_pytorchs() {
    let cases = fixture(include_str!("fixtures/losses/measures.json"));
    assert_eq!(cases.as_array().unwrap().len(), 3);
    for case in cases.as_array().unwrap() {
        let (n, d) = (case["n"].as_i64().unwrap(), case["d"].as_i64().unwrap());
        let (z1, z2) = (embeddings(n, d, 1.0), embeddings(n, d, 2.0));
        anchors_equal_pytorchs::<InfoNCE>(case, &z1, &z2);
        anchors_equal_pytorchs::<DCLLoss>(case, &z1, &z2);
        let q = npc_multiplier(&z1, &z2, case["temperature"].as_f64().unwrap()).unwrap();
        assert_close(&values(&q), &numbers(&case["q"]), 1e-10, "q");
        for (alpha, expected) in case["alignment"].as_object().unwrap() {
            let found = alignment(&z1, &z2, alpha.parse().unwrap()).unwrap();
            assert_close(&[found], &numbers(expected), 1e-10, "alignment");
        }
        let z = Tensor::cat(&[z1, z2], 0);
        for (t, expected) in case["uniformity"].as_object().unwrap() {
            let found = uniformity(&z, t.parse().unwrap()).unwrap();
            assert_close(&[found], &numbers(expected), 1e-10, "uniformity");
        }
    }
}

#[test]
fn q_of_tensors_is_q_of_slices() {
    let (z1, z2) = (embeddings(7, 5, 1.0), embeddings(7, 5, 2.0));
    let slices = CosineSimilarities::new(&values(&z1), &values(&z2), 5).unwrap();
    for temperature in [0.05, 0.5, 2.0] {
        let q = npc_multiplier(&z1, &z2, temperature).unwrap();
        let expected = slices.at_temperature(temperature).unwrap().q();
        assert_close(&values(&q), &expected, 1e-10, "q");
    }
}

#[test]
fn uniformity_goes_through_many_rows_in_blocks() {
    // 2,500 rows: three blocks. Each of 2,500 / 4 points lies four times on one place.
    let z = embeddings(625, 3, 0.4).repeat([4, 1]);
    let plain = Tensor::pdist(&(&z / z.norm_scalaropt_dim(2, [1i64].as_slice(), true)), 2.0);
    let expected =
        plain.square().g_mul_scalar(-2.0).exp().mean(Kind::Double).log().double_value(&[]);
    assert_close(&[uniformity(&z, 2.0).unwrap()], &[expected], 1e-9, "uniformity");
}

#[test]
fn equal_and_opposite_embeddings() {
    let one = Tensor::ones([6, 4], (Kind::Float, tch::Device::Cpu));
    assert_eq!(alignment(&one, &one, 2.0).unwrap(), 0.0);
    assert!((alignment(&one, &-&one, 2.0).unwrap() - 4.0).abs() < 1e-6);
    assert!(uniformity(&one, 2.0).unwrap().abs() < 1e-6);
    // All similarities are equal: S = 2 (N - 1) e^s.
    let q = npc_multiplier(&one, &one, 0.1).unwrap();
    assert!(values(&q).iter().all(|q| (q - 10.0 / 11.0).abs() < 1e-6));
    // One pair is enough for alignment.
    assert!(alignment(&one.narrow(0, 0, 1), &one.narrow(0, 0, 1), 2.0).is_ok());
}

#[test]
fn half_precision_and_extreme_temperatures() {
    let (z1, z2) = (embeddings(8, 16, 1.0), embeddings(8, 16, 2.0));
    let expected = values(&npc_multiplier(&z1, &z2, 0.5).unwrap());
    for kind in [Kind::Half, Kind::BFloat16] {
        let q = npc_multiplier(&z1.to_kind(kind), &z2.to_kind(kind), 0.5).unwrap();
        assert_close(&values(&q), &expected, 2e-2, "q");
        let a = alignment(&z1.to_kind(kind), &z2.to_kind(kind), 2.0).unwrap();
        assert_close(&[a], &[alignment(&z1, &z2, 2.0).unwrap()], 2e-2, "alignment");
    }
    // A cold batch: exp(1000) is beyond float64, q is not.
    let q = values(&npc_multiplier(&z1, &z1, 1e-3).unwrap());
    assert!(q.iter().all(|q| (0.0..1e-6).contains(q)), "{q:?}");
}

#[test]
fn bad_embeddings_are_named() {
    let z = embeddings(4, 3, 1.0);
    let nan = z.shallow_clone() * f64::NAN;
    let named = |error: Error, words: &str| assert!(error.to_string().contains(words), "{error}");
    named(npc_multiplier(&z, &z, 0.0).unwrap_err(), "temperature");
    named(npc_multiplier(&z, &nan, 0.1).unwrap_err(), "NaN");
    named(npc_multiplier(&z, &z.narrow(0, 0, 3), 0.1).unwrap_err(), "z2");
    named(npc_multiplier(&z.narrow(0, 0, 1), &z.narrow(0, 0, 1), 0.1).unwrap_err(), "N >= 2");
    named(alignment(&z, &z, -1.0).unwrap_err(), "alpha");
    named(alignment(&z, &nan, 2.0).unwrap_err(), "NaN");
    named(alignment(&z, &z.view([3, 4]), 2.0).unwrap_err(), "z2");
    named(uniformity(&z, f64::NAN).unwrap_err(), "t = ");
    named(uniformity(&nan, 2.0).unwrap_err(), "NaN");
    named(uniformity(&z.narrow(0, 0, 1), 2.0).unwrap_err(), "N >= 2");
    named(uniformity(&z.to_kind(Kind::Int64), 2.0).unwrap_err(), "Int64");
    named(uniformity(&Tensor::new(), 2.0).unwrap_err(), "undefined");
    let loss = DCLLoss::new(0.1).unwrap();
    named(anchor_gradients(&loss, &z, &nan).unwrap_err(), "NaN");
    let many = Tensor::ones([6_000, 8], (Kind::Float, tch::Device::Cpu));
    named(anchor_gradients(&loss, &many, &many).unwrap_err(), "2^28");
}

#[test]
fn confusion_counts_equal_scikit_learns() {
    let y: Array1<i64> = (0..200).map(|i| i * 7 / 3 % 5).collect();
    let predicted: Array1<i64> = (0..200).map(|i| i * i % 7 % 5).collect();
    let counts = confusion_matrix(&y, &predicted, 6).unwrap();
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    assert_eq!(counts, numbers(&fixture(include_str!("fixtures/probes/confusion.json"))));
    let named = |error: Error, words: &str| assert!(error.to_string().contains(words), "{error}");
    named(confusion_matrix(&y, &predicted, 4).unwrap_err(), "y = 4");
    named(confusion_matrix(&array![0], &array![-1], 4).unwrap_err(), "predicted = -1");
    named(confusion_matrix(&array![0], &array![0, 1], 4).unwrap_err(), "predicted has shape");
    named(confusion_matrix(&array![0], &array![0], 0).unwrap_err(), "classes");
}

#[test]
fn subsets_are_stratified_and_grow() {
    let labels: Array1<i64> = (0..1_000).map(|i| i * i % 7 - 3).collect();
    let mut before = vec![];
    for per_class in [1, 2, 10, 50] {
        let rows = stratified_subset(&labels, per_class, 5).unwrap();
        assert_eq!(rows, stratified_subset(&labels, per_class, 5).unwrap());
        assert!(rows.is_sorted() && rows.windows(2).all(|pair| pair[0] < pair[1]));
        for class in [-3, -2, -1, 1] {
            let count = rows.iter().filter(|&&row| labels[row] == class).count();
            assert_eq!(count, per_class, "{class}");
        }
        assert!(before.iter().all(|row| rows.contains(row)), "more labels hold the fewer");
        assert_ne!(rows, stratified_subset(&labels, per_class, 6).unwrap());
        before = rows;
    }
    for (labels, per_class) in [(&labels, 0), (&labels, 1_000), (&array![], 1), (&array![], 0)] {
        let error = stratified_subset(labels, per_class, 5).unwrap_err();
        assert!(error.to_string().contains("per_class"), "{error}");
    }
}

#[test]
fn every_row_of_a_class_is_chosen_equally_often() {
    let labels: Array1<i64> = (0..40).map(|i| i % 2).collect();
    let mut counts = [0u32; 40];
    for seed in 0..2_000 {
        for row in stratified_subset(&labels, 5, seed).unwrap() {
            counts[row] += 1;
        }
    }
    // Expected 500 with a deviation of 19.4: five deviations.
    assert!(counts.iter().all(|&count| (403..=597).contains(&count)), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, rng_seed: RngSeed::Fixed(11), ..Default::default() })]

    /// Proposition 1 of the DCL paper, for any embeddings and temperature.
    #[test]
    fn infonce_gradients_are_q_times_dcls(
        n in 2i64..7, d in 2i64..6, seed in 0.0f64..1e3, tau in 0.05f64..3.0,
    ) {
        let (z1, z2) = (embeddings(n, d, seed), embeddings(n, d, seed + 1.0));
        let simclr = anchor_gradients(&InfoNCE::new(tau).unwrap(), &z1, &z2).unwrap();
        let dcl = anchor_gradients(&DCLLoss::new(tau).unwrap(), &z1, &z2).unwrap();
        let q = npc_multiplier(&z1, &z2, tau).unwrap();
        let error = (&simclr - q.view([2 * n, 1, 1]) * &dcl).abs().max().double_value(&[]);
        prop_assert!(error <= 1e-10 * dcl.abs().max().double_value(&[]), "{error}");
        prop_assert!(values(&q).iter().all(|q| (0.0..=1.0).contains(q)));
    }

    /// Turning all embeddings together or scaling them changes no measure; swapping the views changes no mean.
    #[test]
    fn measures_do_not_see_scale_or_order(n in 2i64..9, d in 2i64..6, seed in 0.0f64..1e3, scale in 1e-3f64..1e3) {
        let (z1, z2) = (embeddings(n, d, seed), embeddings(n, d, seed + 1.0));
        let all = |a: &Tensor, b: &Tensor| {
            let both = Tensor::cat(&[a, b], 0);
            [alignment(a, b, 2.0).unwrap(), uniformity(&both, 2.0).unwrap(),
             npc_multiplier(a, b, 0.3).unwrap().mean(Kind::Double).double_value(&[])]
        };
        let expected = all(&z1, &z2);
        for other in [all(&(&z1 * scale), &(&z2 * scale)), all(&z2, &z1), all(&z1.flip([1]), &z2.flip([1]))] {
            assert_close(&other, &expected, 1e-9, "measures");
        }
        prop_assert!((0.0..=4.0 + 1e-9).contains(&expected[0]) && expected[1] <= 1e-9);
    }
}

#[test]
fn dclw_has_losses_of_anchors_too() {
    let (z1, z2) = (embeddings(6, 4, 1.0), embeddings(6, 4, 2.0));
    let loss = DCLWLoss::new(0.2).unwrap();
    let mean = loss.per_anchor(&z1, &z2).unwrap().mean(Kind::Double).double_value(&[]);
    assert_eq!(mean, loss.forward(&z1, &z2).unwrap().double_value(&[]));
}
