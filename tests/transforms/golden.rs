//! What torchvision makes of images, and how that is compared.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use twoviews::Result;
use twoviews::data::Image;
use twoviews::rng::RandomStream;
use twoviews::transforms::*;

pub const N: usize = 200;

/// The images of `tests/fixtures/transforms/make.py`.
pub fn formula_image(n: u32, height: usize, width: usize) -> Image {
    let mut pixels = Vec::new();
    for y in 0..height as u32 {
        for x in 0..width as u32 {
            for c in 0..3u32 {
                pixels.push(match n % 3 {
                    0 => {
                        let h = n
                            .wrapping_mul(2_654_435_761)
                            .wrapping_add(y.wrapping_mul(40_503))
                            .wrapping_add(x.wrapping_mul(2_246_822_519))
                            .wrapping_add(c.wrapping_mul(3_266_489_917));
                        let h = (h ^ (h >> 15)).wrapping_mul(2_246_822_519);
                        (h ^ (h >> 13)) as u8
                    }
                    1 => (x * (n % 7 + 1) + y * (n % 5 + 2) + c * (n % 11) * 9 + n * 11) as u8,
                    _ => [0, 255, 128, 7][((x / 4 + y / 3 * (c + 1) + n) % 4) as usize],
                });
            }
        }
    }
    Image { height, width, pixels }
}

fn fraction(n: usize, k: usize) -> f64 {
    (n * k % 201) as f64 / 200.0
}

fn crop(n: usize, view: &View) -> CropParams {
    let (height, width) = (1 + n * 7 % view.height(), 1 + n * 13 % view.width());
    CropParams {
        top: n * 3 % (view.height() - height + 1),
        left: n * 5 % (view.width() - width + 1),
        height,
        width,
    }
}

fn factor(n: usize) -> f64 {
    1.9 * fraction(n, 37)
}

fn hue(n: usize) -> f64 {
    fraction(n, 53) - 0.5
}

fn sigma(n: usize) -> f64 {
    0.1 + 1.9 * fraction(n, 71)
}

pub fn unused() -> RandomStream {
    RandomStream::new(0, 0, 0, 0)
}

fn to_tensor_normalize(view: &mut View) -> Result<()> {
    ToTensor.apply(view, &mut unused())?;
    Normalize::default().apply(view, &mut unused())
}

fn apply(name: &str, view: &mut View, n: usize) -> Result<()> {
    match name {
        "resized_crop" => resized_crop(view, crop(n, view), (32, 32)),
        "resized_crop_24x40" => resized_crop(view, crop(n, view), (24, 40)),
        "hflip" => hflip(view),
        "brightness" => adjust_brightness(view, factor(n)),
        "contrast" => adjust_contrast(view, factor(n)),
        "saturation" => adjust_saturation(view, factor(n)),
        "hue" => adjust_hue(view, hue(n)),
        "grayscale" => to_grayscale(view),
        "to_tensor_normalize" => to_tensor_normalize(view),
        "chain" => {
            use JitterStep::*;
            resized_crop(view, crop(n, view), (32, 32))?;
            hflip(view)?;
            let mut order = [Brightness, Contrast, Saturation, Hue];
            order.rotate_left(n % 4);
            JitterParams {
                order,
                brightness: Some(factor(n)),
                contrast: Some(factor(n + 1)),
                saturation: Some(factor(n + 2)),
                hue: Some(hue(n)),
            }
            .apply(view)?;
            to_tensor_normalize(view)
        }
        _ => panic!("the fixture holds an unknown operation, {name}"),
    }
}

fn bytes(view: &View) -> Vec<u8> {
    match view.to_image() {
        Ok(image) => image.pixels,
        Err(_) => view.values().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transforms");
    std::fs::read(folder.join(name)).unwrap()
}

#[derive(serde::Deserialize)]
struct Golden {
    images: Vec<u32>,
    crc32: BTreeMap<String, Vec<u32>>,
    whole: BTreeMap<String, Vec<u8>>,
}

pub fn compare_with_golden(file: &str, images: &[Image]) {
    let golden: Golden = serde_json::from_slice(&fixture(file)).unwrap();
    assert_eq!(golden.crc32.len(), 10);
    for (name, expected) in &golden.crc32 {
        assert_eq!(expected.len(), N);
        let different: Vec<usize> = (0..N)
            .filter(|&n| {
                assert_eq!(crc32(&images[n].pixels), golden.images[n], "image {n}");
                let mut view = View::from_image(&images[n]).unwrap();
                apply(name, &mut view, n).unwrap();
                crc32(&bytes(&view)) != expected[n]
            })
            .collect();
        assert!(
            different.is_empty(),
            "{name} differs on {} images: {different:?}",
            different.len()
        );
    }
    for (name, expected) in &golden.whole {
        let mut view = View::from_image(&formula_image(3, 8, 8)).unwrap();
        apply(name, &mut view, 3).unwrap();
        assert_eq!(&bytes(&view), expected, "{name}");
    }
}

/// At most 1 level on at most 1e-4 of the bytes: torch sums the two-dimensional kernel in another
/// order.
pub fn compare_blur(file: &str, images: &[Image]) {
    let mut expected = Vec::new();
    flate2::read::GzDecoder::new(&fixture(file)[..]).read_to_end(&mut expected).unwrap();
    let mut found = Vec::new();
    for (n, image) in images.iter().enumerate() {
        let mut view = View::from_image(image).unwrap();
        gaussian_blur(&mut view, 9, sigma(n)).unwrap();
        found.extend(bytes(&view));
    }
    assert_eq!(found.len(), expected.len());
    let levels: Vec<u8> =
        found.iter().zip(&expected).map(|(&a, &b)| a.abs_diff(b)).filter(|&d| d > 0).collect();
    println!("blur: {} of {} bytes differ", levels.len(), found.len());
    assert!(levels.iter().all(|&d| d == 1));
    assert!(levels.len() * 10_000 <= found.len(), "{} of {}", levels.len(), found.len());
}
