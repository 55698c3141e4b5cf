//! Shapes10: the same bytes everywhere, balanced classes, figures that can be told apart.

use twoviews::data::{Factor, Factors, Palette, SHAPES10_SIZE, Shapes10};

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

fn luma([r, g, b]: [f64; 3]) -> f64 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The pixels that look like the figure, weighted by how much: (sum, centre's column, centre's row).
fn seen(pixels: &[u8], factors: &Factors) -> (f64, f64, f64) {
    let (ground, figure) = (luma(factors.ground), factors.brightness);
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for (i, pixel) in pixels.chunks_exact(3).enumerate() {
        let level = luma([pixel[0], pixel[1], pixel[2]].map(f64::from));
        let share = f64::from(u8::from((level - ground) / (figure - ground) > 0.5));
        (sum, x, y) = (
            sum + share,
            x + share * (i % SHAPES10_SIZE) as f64,
            y + share * (i / SHAPES10_SIZE) as f64,
        );
    }
    (sum, x / sum, y / sum)
}

#[test]
fn the_factors_are_what_the_images_show() {
    let shapes = Shapes10 { num_images: 1_000, seed: 8, ..Default::default() };
    let images = shapes.generate().unwrap();
    let mut distances = vec![];
    let mut areas: Vec<Vec<f64>> = vec![vec![]; 10];
    let mut turns = vec![];
    for index in 0..images.len() {
        let factors = shapes.factors(index).unwrap();
        assert_eq!(factors.class_name(), images.class_name(index));
        let (area, x, y) = seen(images.pixels(index), &factors);
        areas[factors.class].push(area / factors.size.powi(2));
        let (dx, dy) = (x - factors.x, y - factors.y);
        match factors.class_name() {
            // Its mass lies opposite to the disc that is cut out.
            "crescent" => turns.push(
                (-dx * factors.angle.cos() - dy * factors.angle.sin()) / (dx * dx + dy * dy).sqrt(),
            ),
            "triangle" => {}
            _ => distances.push((dx * dx + dy * dy).sqrt()),
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    // Noise and shading move the edge; a swapped axis would be 3 pixels off.
    assert!(mean(&distances) < 0.8, "{}", mean(&distances));
    assert!(mean(&turns) > 0.98, "cosine of the angle's error {}", mean(&turns));
    for (class, areas) in areas.iter().enumerate() {
        let m = mean(areas);
        let spread = (mean(&areas.iter().map(|a| (a - m).powi(2)).collect::<Vec<_>>())).sqrt();
        // The radius varies by 8 to 13, its square by a factor of 2.6: that explains the areas.
        assert!(spread / m < 0.2, "{class}: {m} +- {spread}");
    }
}

#[test]
fn brightness_and_hue_are_those_of_the_figures_middle() {
    for palette in [Palette::Muted, Palette::Vivid] {
        let shapes = Shapes10 { num_images: 600, palette, seed: 9 };
        let images = shapes.generate().unwrap();
        let (mut errors, mut hues) = (vec![], vec![]);
        // Discs and squares, whose middle is covered.
        for index in (0..600).filter(|i| i % 10 == 0 || i % 10 == 2) {
            let factors = shapes.factors(index).unwrap();
            let mut sum = [0.0; 3];
            for (dx, dy) in (0..9).map(|i| (i % 3, i / 3)) {
                let (x, y) = (factors.x as usize + dx - 1, factors.y as usize + dy - 1);
                let pixel = &images.pixels(index)[(y * SHAPES10_SIZE + x) * 3..][..3];
                sum.iter_mut().zip(pixel).for_each(|(s, &p)| *s += f64::from(p) / 9.0);
            }
            errors.push(luma(sum) - factors.brightness);
            let [cos, sin] = factors.values(Factor::Hue)[..] else { panic!() };
            let (a, b) = (sum[0] - (sum[1] + sum[2]) / 2.0, (sum[1] - sum[2]) * 0.75f64.sqrt());
            hues.push((a * cos + b * sin) / (a * a + b * b).sqrt());
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean(&errors).abs() < 1.0, "{palette}: {}", mean(&errors));
        assert!(mean(&errors.iter().map(|e| e.abs()).collect::<Vec<_>>()) < 5.0, "{palette}");
        // The muted tint is of the size of the noise; the chromaticity's angle is near HSV's hue.
        let least = if palette == Palette::Vivid { 0.98 } else { 0.6 };
        assert!(mean(&hues) > least, "{palette}: {}", mean(&hues));
    }
}

#[test]
fn factors_keep_to_their_ranges_and_are_pinned() {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for palette in [Palette::Muted, Palette::Vivid] {
        let shapes = Shapes10 { num_images: 2_000, palette, seed: 42 };
        for index in 0..2_000 {
            let f = shapes.factors(index).unwrap();
            assert_eq!(f.class, index % 10);
            assert!((11.5..19.5).contains(&f.x) && (11.5..19.5).contains(&f.y));
            assert!((8.0..13.0).contains(&f.size) && f.angle.abs() <= std::f64::consts::PI);
            assert!((0.0..1.0).contains(&f.hue) && (0.0..=255.0).contains(&f.brightness));
            if palette == Palette::Muted {
                assert!((20.0..=240.0).contains(&f.brightness), "{}", f.brightness);
            }
            for value in [f.x, f.y, f.size].into_iter().chain(f.figure).chain(f.ground) {
                hash = (hash ^ value.to_bits()).wrapping_mul(0x0100_0000_01b3);
            }
            for factor in Factor::ALL {
                let values = f.values(factor);
                let width = match factor {
                    Factor::Angle if f.class < 2 => 0,
                    Factor::Size | Factor::Brightness => 1,
                    _ => 2,
                };
                assert_eq!(values.len(), width, "{factor}");
                if matches!(factor, Factor::Angle | Factor::Hue) && width == 2 {
                    assert!((values[0].hypot(values[1]) - 1.0).abs() < 1e-12);
                }
            }
        }
        // A larger set begins with the smaller one.
        let larger = Shapes10 { num_images: 5_000, ..shapes.clone() };
        assert_eq!(larger.factors(1_234).unwrap(), shapes.factors(1_234).unwrap());
    }
    assert_eq!(hash, 1_523_364_559_792_023_550);
}

#[test]
fn factors_of_no_image_are_an_error() {
    let error = Shapes10 { num_images: 10, ..Default::default() }.factors(10).unwrap_err();
    assert!(error.to_string().contains("index = 10"), "{error}");
    let error = Shapes10 { num_images: 0, ..Default::default() }.factors(0).unwrap_err();
    assert!(error.to_string().contains("num_images = 0"), "{error}");
}
