//! `numpy_rng` draws what numpy draws.

use serde_json::Value;
use twoviews::rng::numpy_rng;

#[test]
fn choice_equals_numpys() {
    let cases: Value = serde_json::from_str(include_str!("fixtures/rng/choice.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let mut rng = numpy_rng(case["seed"].as_u64().unwrap() as u32);
        for draw in case["draws"].as_array().unwrap() {
            let size = |name: &str| draw[name].as_u64().unwrap() as usize;
            let chosen = rng.choice(size("population"), size("size")).unwrap();
            let list =
                |name: &str| -> Vec<usize> { serde_json::from_value(draw[name].clone()).unwrap() };
            assert_eq!(chosen[..chosen.len().min(5)], list("first"));
            assert_eq!(chosen[chosen.len().saturating_sub(3)..], list("last"));
            assert_eq!(chosen.iter().sum::<usize>(), size("sum"));
            let weighted: usize = chosen.iter().enumerate().map(|(i, v)| v * (i + 1)).sum();
            assert_eq!(weighted, size("weighted"));
        }
    }
}

#[test]
fn the_tutorials_subsets_are_drawn_by_one_generator() {
    let mut rng = numpy_rng(42);
    let train = rng.choice(50_000, 10_000).unwrap();
    assert_eq!(train[..6], [42573, 22621, 14128, 39873, 46709, 38385]);
    assert_eq!(train[9_997..], [32727, 38697, 4462]);
    assert_eq!(train.iter().sum::<usize>(), 248_808_942);
    let test = rng.choice(10_000, 5_000).unwrap();
    assert_eq!(test[..6], [9338, 9502, 3023, 8239, 408, 9610]);
    assert_eq!(test[4_997..], [7848, 7507, 5375]);
    assert_eq!(test.iter().sum::<usize>(), 24_897_506);
}

#[test]
fn more_than_there_is_cannot_be_drawn() {
    let error = numpy_rng(1).choice(3, 4).unwrap_err().to_string();
    assert!(error.contains("4 of 3"), "{error}");
}
