//! The same numbers in WebAssembly as natively: views to the last bit, losses to 1e-6.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twoviews::data::Palette;
use twoviews::rng::RandomStream;
use twoviews_web::batch::Batch;
use twoviews_web::circle::Circle;
use twoviews_web::coupling::Coupling;
use twoviews_web::pictures::{self, Settings};
use twoviews_web::stored::two_views;
use twoviews_web::strengths::{self, Strengths};

const TARGET: &str = "wasm32-unknown-unknown";
const WIDTH: usize = 128;
const IMAGES: usize = 256;

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).ok()
}

/// The program, if this machine can make it.
fn program() -> Option<PathBuf> {
    let library =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if !library.is_some_and(|folder| Path::new(folder.trim()).is_dir()) {
        eprintln!("skipped: `rustup target add {TARGET}` makes it possible");
        return None;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--package",
        "twoviews-web",
        "--profile",
        "web",
        "--target",
        TARGET,
    ]);
    output(&mut cargo)?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    Some(target.join(TARGET).join("web/twoviews_web.wasm"))
}

/// Settings of all kinds: each figure, both palettes, with and without blur.
fn settings() -> Vec<Settings> {
    let mut random = RandomStream::new(1, 0, 0, 0);
    let palettes = [Palette::Muted, Palette::Vivid];
    (0..200)
        .map(|i| Settings {
            class: i % 10,
            picture_seed: random.next_u32().into(),
            palette: palettes[i / 10 % 2],
            smallest_part: random.uniform_range(0.02, 1.0),
            jitter: random.uniform(),
            blur: if i % 3 == 0 { 0.0 } else { random.uniform_range(0.05, 3.0) },
            views_seed: random.next_u32().into(),
        })
        .collect()
}

/// Rows of views at strengths of all kinds, some left out.
fn strengths() -> Vec<Strengths> {
    let mut random = RandomStream::new(3, 0, 0, 0);
    (0..40)
        .map(|i| {
            let mut some = |least, most| {
                let value = random.uniform_range(least, most);
                if random.chance(0.7) { Some(value) } else { None }
            };
            Strengths {
                class: i % 10,
                palette: [Palette::Muted, Palette::Vivid][i / 10 % 2],
                smallest_part: some(0.02, 1.0).unwrap_or(1.0),
                mirror: some(0.0, 1.0).unwrap_or(0.0),
                turn: some(0.0, 1.0).unwrap_or(0.0),
                light: some(0.0, 1.0).unwrap_or(0.0),
                hue: some(0.0, 0.5).unwrap_or(0.0),
                grey: some(0.0, 1.0).unwrap_or(0.0),
                blur: some(0.05, 3.0).unwrap_or(0.0),
                views_seed: i as u64,
                ..Default::default()
            }
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Views that resemble one another, as an encoder makes them.
fn embeddings() -> Vec<i8> {
    let mut random = RandomStream::new(2, 0, 0, 0);
    let first: Vec<f64> = (0..IMAGES * WIDTH).map(|_| random.uniform_range(-1.0, 1.0)).collect();
    let second: Vec<f64> =
        first.iter().map(|x| 0.7 * x + random.uniform_range(-0.3, 0.3)).collect();
    first.iter().chain(&second).map(|x| (127.0 * x) as i8).collect()
}

#[test]
fn webassembly_computes_what_the_native_code_does() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: Node.js is not installed");
        return;
    }
    let Some(program) = program() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (settings, rows, stored) = (settings(), strengths(), embeddings());
    let losses: Vec<(usize, f64)> =
        [2, 32, 256].into_iter().flat_map(|n| [0.01, 0.07, 0.5, 3.0].map(|t| (n, t))).collect();
    let pictures: Vec<Value> = settings
        .iter()
        .map(|it| {
            let vivid = u32::from(it.palette == Palette::Vivid);
            let colours = (it.smallest_part, it.jitter, it.blur);
            json!([
                it.class,
                it.picture_seed,
                vivid,
                colours.0,
                colours.1,
                colours.2,
                it.views_seed
            ])
        })
        .collect();
    let couplings: Vec<(usize, f64)> =
        [2, 24, 128].into_iter().flat_map(|n| [0.02, 0.1, 1.0].map(|t| (n, t))).collect();
    let drawn: Vec<Value> = rows
        .iter()
        .map(|it| {
            let vivid = u32::from(it.palette == Palette::Vivid);
            let often = (it.mirror, it.turn, it.grey);
            json!([
                it.class,
                it.picture_seed,
                vivid,
                it.smallest_part,
                often.0,
                often.1,
                it.light,
                it.hue,
                often.2,
                it.blur,
                it.views_seed
            ])
        })
        .collect();
    let circles = [(0.0, 0.0, 0.1), (360.0, 20.0, 0.5), (75.0, 180.0, 1.0)];
    let (cases, file) = (folder.join("cases.json"), folder.join("embeddings"));
    let all = json!({
        "pictures": pictures, "rows": drawn, "losses": losses, "couplings": couplings, "circles": circles,
    });
    std::fs::write(&cases, all.to_string()).unwrap();
    let bytes: Vec<u8> = stored.iter().map(|x| x.cast_unsigned()).collect();
    std::fs::write(&file, bytes).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new("node");
    node.arg(here.join("tests/in_node.mjs")).arg(here.join("experiments/compute.js"));
    node.arg(program).args([cases, file]).arg(WIDTH.to_string());
    let found: Value = serde_json::from_str(&output(&mut node).unwrap()).unwrap();
    println!(
        "a picture and two views: {} ms; a batch: {} ms",
        found["milliseconds"], found["times"]
    );

    // 400 views.
    for (settings, hash) in settings.iter().zip(found["hashes"].as_array().unwrap()) {
        assert_eq!(hash, &hex(&pictures::draw(settings).unwrap().rgba()), "{settings:?}");
    }
    let compare = |numbers: &Value, expected: &[f64], case: String| {
        let numbers = numbers.as_array().unwrap();
        assert_eq!(numbers.len(), expected.len());
        for (found, expected) in numbers.iter().map(|x| x.as_f64().unwrap()).zip(expected) {
            let close = (found - expected).abs() < 1e-9 * (1.0 + expected.abs());
            assert!(close, "{case}: {found}, natively {expected}");
        }
    };
    for (strengths, found) in rows.iter().zip(found["ofRows"].as_array().unwrap()) {
        let row = strengths::draw(strengths).unwrap();
        assert_eq!(found["hash"], hex(&row.rgba()), "{strengths:?}");
        let sides = row.crops.iter().flat_map(|it| [it.top, it.left, it.height, it.width]);
        let expected: Vec<f64> =
            row.numbers().into_iter().chain(sides.map(|side| side as f64)).collect();
        compare(&found["numbers"], &expected, format!("{strengths:?}"));
    }
    let mut coupling = Coupling::new(two_views(&stored).unwrap(), WIDTH).unwrap();
    for ((n, temperature), numbers) in
        couplings.into_iter().zip(found["ofCouplings"].as_array().unwrap())
    {
        coupling.deal(n).unwrap();
        let expected = coupling.numbers(temperature).unwrap();
        compare(numbers, &expected, format!("gradients of {n} images at {temperature}"));
    }
    let mut batch = Batch::new(&stored, WIDTH).unwrap();
    for ((n, temperature), numbers) in losses.iter().zip(found["numbers"].as_array().unwrap()) {
        batch.resize(*n).unwrap();
        let expected = batch.numbers(*temperature).unwrap();
        compare(numbers, &expected, format!("{n} images at {temperature}"));
    }
    for ((arc, apart, temperature), numbers) in
        circles.into_iter().zip(found["onCircle"].as_array().unwrap())
    {
        let circle = Circle { arc, apart };
        let expected = [circle.numbers(temperature).unwrap(), circle.angles()].concat();
        compare(numbers, &expected, format!("{circle:?} at {temperature}"));
    }
    assert!(found["refused"].as_str().unwrap().contains("n = 1"), "{}", found["refused"]);
}
