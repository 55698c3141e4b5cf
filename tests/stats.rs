//! Intervals and paired tests against scipy and statsmodels, and what holds for any values.

use proptest::prelude::*;
use serde_json::Value;
use twoviews::stats::{McNemar, PairedT, wilson_interval};

fn golden() -> Value {
    serde_json::from_str(include_str!("fixtures/stats/stats.json")).unwrap()
}

/// The rows of a table as numbers.
fn rows(name: &str) -> Vec<Vec<f64>> {
    serde_json::from_value(golden()[name].clone()).unwrap()
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 + 1e-9 * expected.abs()
}

fn only(only_a: usize, only_b: usize) -> McNemar {
    McNemar { both: 50, only_a, only_b, neither: 20 }
}

#[test]
fn mcnemars_p_are_those_of_statsmodels_and_scipy() {
    for row in rows("mcnemar") {
        let test = only(row[0] as usize, row[1] as usize);
        assert!(near(test.exact(), row[2]), "{test:?}: {} for {row:?}", test.exact());
        assert!(near(test.mid_p(), row[3]), "{test:?}: {} for {row:?}", test.mid_p());
    }
}

#[test]
fn wilsons_interval_is_that_of_statsmodels() {
    for row in rows("wilson") {
        let found = wilson_interval(row[0] as usize, row[1] as usize, row[2]).unwrap();
        assert!(near(found.0, row[3]) && near(found.1, row[4]), "{found:?} for {row:?}");
    }
}

#[test]
fn newcombes_interval_without_correlation_is_that_of_independent_samples() {
    for row in rows("newcombe") {
        let [both, only_a, only_b, neither] = [0, 1, 2, 3].map(|i| row[i] as usize);
        let found = McNemar { both, only_a, only_b, neither }.interval(0.95).unwrap();
        assert!(near(found.0, row[4]) && near(found.1, row[5]), "{found:?} for {row:?}");
    }
}

#[test]
fn pairs_that_agree_narrow_the_interval() {
    let width = |both, only_a, only_b, neither| {
        let (low, high) = McNemar { both, only_a, only_b, neither }.interval(0.95).unwrap();
        high - low
    };
    // The same two accuracies, .7 and .6 of 1,000 images, in three correlations.
    assert!(width(580, 120, 20, 280) < 0.8 * width(420, 280, 180, 120));
    assert!(width(420, 280, 180, 120) < width(320, 380, 280, 20));
}

#[test]
fn the_paired_t_test_is_scipys() {
    for case in golden()["paired_t"].as_array().unwrap() {
        let values = |key: &str| serde_json::from_value::<Vec<f64>>(case[key].clone()).unwrap();
        let number = |key: &str| case[key].as_f64().unwrap();
        let test = PairedT::of(&values("a"), &values("b")).unwrap();
        let (low, high) = test.interval(0.95).unwrap().unwrap();
        for (found, key) in [(test.t, "t"), (test.p, "p"), (low, "low"), (high, "high")] {
            assert!((found - number(key)).abs() < 1e-7, "{key}: {found}, {case}");
        }
    }
}

#[test]
fn differences_without_spread_prove_little() {
    let same = PairedT::of(&[0.8, 0.7, 0.6], &[0.77, 0.67, 0.57]).unwrap();
    assert_eq!((same.p, same.interval(0.95).unwrap()), (0.25, None));
    assert_eq!(same.compare("a", "b").winner(), None);
    let none = PairedT::of(&[0.8, 0.7], &[0.8, 0.7]).unwrap();
    assert_eq!((none.p, none.t), (1.0, 0.0));
}

#[test]
fn the_sentence_names_the_better_one_only_where_the_test_shows_it() {
    let better = only(90, 50).compare("DCL", "SimCLR");
    assert_eq!(better.winner(), Some("DCL"));
    let turned = only(50, 90).compare("DCL", "SimCLR");
    let text = turned.to_string();
    assert!(text.starts_with("SimCLR beats DCL: +0.190 (95 % interval +0."), "{text}");
    let equal = only(50, 50).compare("DCL", "SimCLR").to_string();
    assert!(equal.starts_with("No difference shown: DCL - SimCLR = +0.000 ("), "{equal}");
    // Ten comparisons want more.
    let (one, many) = (only(40, 20).compare("a", "b"), only(40, 20).compare("a", "b").among(10));
    assert_eq!((one.winner(), many.winner()), (Some("a"), None));
    assert!(many.to_string().ends_with("for 10 comparisons)"), "{many}");
    assert_eq!(many.clone().among(10), many);
}

#[test]
fn what_cannot_be_tested_is_refused() {
    assert!(McNemar::of(&[1, 2], &[1, 2], &[1]).unwrap_err().to_string().contains("truth"));
    assert!(McNemar::of(&[1], &[1, 2], &[1, 2]).unwrap_err().to_string().starts_with('a'));
    let nothing: [i64; 0] = [];
    assert!(McNemar::of(&nothing, &nothing, &nothing).is_err());
    assert!(PairedT::of(&[1.0], &[2.0]).is_err());
    assert!(PairedT::of(&[1.0, 2.0], &[2.0]).is_err());
    assert!(PairedT::of(&[1.0, f64::NAN], &[2.0, 1.0]).is_err());
    assert!(wilson_interval(3, 2, 0.95).is_err() && wilson_interval(0, 0, 0.95).is_err());
    for confidence in [0.0, 1.0, -1.0, 2.0, f64::NAN, 1.0 - f64::EPSILON / 2.0] {
        assert!(wilson_interval(1, 2, confidence).is_err(), "{confidence}");
        assert!(only(1, 2).interval(confidence).is_err(), "{confidence}");
    }
}

proptest! {
    #[test]
    fn p_and_intervals_are_sound(
        both in 0usize..3_000, only_a in 0usize..3_000, only_b in 0usize..3_000, neither in 0usize..3_000,
    ) {
        let test = McNemar { both, only_a, only_b, neither };
        prop_assert!(test.mid_p() <= test.exact() && test.exact() <= 1.0 && test.mid_p() >= 0.0);
        prop_assume!(test.len() > 0);
        let (low, high) = test.interval(0.95).unwrap();
        prop_assert!(-1.0 <= low && low <= test.difference() && test.difference() <= high && high <= 1.0);
        let turned = McNemar { only_a: only_b, only_b: only_a, ..test };
        let (turned_low, turned_high) = turned.interval(0.95).unwrap();
        prop_assert!(near(turned_low, -high) && near(turned_high, -low));
        prop_assert!(near(turned.mid_p(), test.mid_p()));
    }

    #[test]
    fn no_values_make_a_test_panic(
        a in prop::collection::vec(any::<f64>(), 0..6), b in prop::collection::vec(any::<f64>(), 0..6),
        counts in any::<[usize; 4]>(), confidence in any::<f64>(),
    ) {
        if let Ok(test) = PairedT::of(&a, &b) {
            prop_assert!((0.0..=1.0).contains(&test.p), "{:?}", test);
            let _ = (test.interval(confidence), test.compare("a", "b").to_string());
        }
        let [both, only_a, only_b, neither] = counts;
        let test = McNemar { both, only_a, only_b, neither };
        let _ = (test.interval(confidence), wilson_interval(both, only_a, confidence));
        prop_assert!((0.0..=1.0).contains(&test.mid_p()));
        let _ = test.compare("a", "b").to_string();
    }
}
