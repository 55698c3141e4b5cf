//! Quarter turns: NumPy's `rot90`, by hand and by what must always hold.

use twoviews::data::Image;
use twoviews::rng::RandomStream;
use twoviews::transforms::{RandomRotate90, ToTensor, Transform, View, rot90};

/// An image whose pixels have numbers, three to each.
fn numbered(height: usize, width: usize) -> Image {
    Image { height, width, pixels: (0..height * width * 3).map(|i| i as u8).collect() }
}

fn turned(image: &Image, turns: u32) -> Image {
    let mut view = View::from_image(image).unwrap();
    rot90(&mut view, turns).unwrap();
    view.to_image().unwrap()
}

#[test]
fn turns_equal_numpys() {
    // numpy.rot90([[0, 1, 2], [3, 4, 5]], k) for k = 0 to 3, of pixel numbers.
    let image = numbered(2, 3);
    for (turns, height, expected) in [
        (0, 2, [0, 1, 2, 3, 4, 5]),
        (1, 3, [2, 5, 1, 4, 0, 3]),
        (2, 2, [5, 4, 3, 2, 1, 0]),
        (3, 3, [3, 0, 4, 1, 5, 2]),
    ] {
        for turns in [turns, turns + 4] {
            let turned = turned(&image, turns);
            assert_eq!((turned.height, turned.width), (height, 6 / height));
            let numbers: Vec<u8> = turned.pixels.chunks(3).map(|p| p[0] / 3).collect();
            assert_eq!(numbers, expected, "{turns} turns");
            assert!(turned.pixels.chunks(3).all(|p| p[1] == p[0] + 1 && p[2] == p[0] + 2));
        }
    }
}

#[test]
fn turns_add_up_for_any_size() {
    for (height, width) in [(1, 1), (1, 7), (7, 1), (5, 5), (4, 9), (8, 2)] {
        let image = numbered(height, width);
        let mut by_quarters = image.clone();
        for turns in 0..5 {
            assert_eq!(by_quarters, turned(&image, turns), "{height}x{width}, {turns}");
            by_quarters = turned(&by_quarters, 1);
        }
    }
}

#[test]
fn all_four_turns_are_equally_likely_with_probability_p() {
    let image = numbered(3, 3);
    let turns: Vec<Image> = (0..4).map(|turns| turned(&image, turns)).collect();
    for p in [0.0, 0.4, 1.0] {
        let transform = RandomRotate90::new(p).unwrap();
        let mut counts = [0.0f64; 4];
        for index in 0..8_000 {
            let mut view = View::from_image(&image).unwrap();
            transform.apply(&mut view, &mut RandomStream::new(3, 0, index, 0)).unwrap();
            let view = view.to_image().unwrap();
            counts[turns.iter().position(|turn| *turn == view).unwrap()] += 1.0 / 8_000.0;
        }
        for (turns, count) in counts.iter().enumerate() {
            let expected = p / 4.0 + if turns == 0 { 1.0 - p } else { 0.0 };
            // Five deviations of a share of 8,000.
            assert!((count - expected).abs() < 0.028, "{p}: {counts:?}");
        }
    }
}

#[test]
fn what_cannot_be_turned_is_named() {
    for p in [-0.1, 1.1, f64::NAN] {
        assert!(RandomRotate90::new(p).unwrap_err().to_string().contains("p = "));
        let mut view = View::from_image(&numbered(2, 2)).unwrap();
        let mut random = RandomStream::new(1, 0, 0, 0);
        assert!(RandomRotate90 { p }.apply(&mut view, &mut random).is_err());
    }
    assert!(rot90(&mut View::default(), 1).is_err());
    let mut view = View::from_image(&numbered(2, 2)).unwrap();
    ToTensor.apply(&mut view, &mut RandomStream::new(1, 0, 0, 0)).unwrap();
    assert!(rot90(&mut view, 1).unwrap_err().to_string().contains("ToTensor"));
}
