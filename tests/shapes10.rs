//! Shapes10: the same bytes everywhere, balanced classes, figures that can be told apart.

use twoviews::data::{Palette, Shapes10};

/// FNV-1a, so that a whole data set is one number.
fn checksum(shapes: &twoviews::data::ImageDataset) -> u64 {
    (0..shapes.len()).flat_map(|i| shapes.pixels(i)).fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn generate(num_images: usize, palette: Palette, seed: u64) -> twoviews::data::ImageDataset {
    Shapes10 { num_images, palette, seed }.generate().unwrap()
}

#[test]
fn a_larger_set_begins_with_the_smaller_one() {
    let (small, large) = (generate(30, Palette::Muted, 5), generate(60, Palette::Muted, 5));
    assert!((0..30).all(|i| small.pixels(i) == large.pixels(i)));
    assert_eq!(&large.targets()[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
}

#[test]
fn seed_and_palette_change_every_image() {
    let [a, b, c] = [(Palette::Muted, 1), (Palette::Muted, 2), (Palette::Vivid, 1)]
        .map(|(palette, seed)| generate(50, palette, seed));
    assert!((0..50).all(|i| a.pixels(i) != b.pixels(i) && a.pixels(i) != c.pixels(i)));
}

#[test]
fn muted_images_are_nearly_grey_and_vivid_ones_are_not() {
    let colourfulness = |palette| {
        let shapes = generate(200, palette, 3);
        let spread =
            |p: &[u8]| i32::from(*p.iter().max().unwrap()) - i32::from(*p.iter().min().unwrap());
        let sum: i32 = (0..200).flat_map(|i| shapes.pixels(i).chunks(3)).map(spread).sum();
        f64::from(sum) / (200.0 * 1024.0)
    };
    assert!(colourfulness(Palette::Muted) < 35.0);
    assert!(colourfulness(Palette::Vivid) > 120.0);
}

#[test]
fn no_image_is_an_error() {
    let error = Shapes10 { num_images: 0, ..Default::default() }.generate().unwrap_err();
    assert!(error.to_string().contains("num_images = 0"), "{error}");
}

#[test]
fn the_bytes_are_pinned() {
    assert_eq!(checksum(&generate(500, Palette::Muted, 42)), 0x40ed_96a1_d41f_5021);
    assert_eq!(checksum(&generate(500, Palette::Vivid, 42)), 0xfbf2_5bc9_89e5_1175);
}
