//! What a page has to show, computed natively: reads {"pictures": [...], "embeddings": [...], "width": W,
//! "losses": [[n, temperature], ...], "circles": [[arc, apart, temperature], ...]} and writes {"hashes": [...],
//! "numbers": [[...], ...], "circles": [[...], ...]}.
//!
//! A picture is class, seed, 1 if vivid, smallest part, jitter, blur, seed of the views; `site/check/experiments.mjs`
//! compares.

use std::error::Error;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twoviews::data::Palette;
use twoviews_web::batch::Batch;
use twoviews_web::circle::Circle;
use twoviews_web::pictures::{self, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Value = serde_json::from_reader(std::io::stdin())?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut hashes = Vec::new();
    for values in list(&wanted["pictures"]) {
        let whole = |i: usize| values[i].as_u64().ok_or("a whole number");
        let number = |i: usize| values[i].as_f64().ok_or("a number");
        let drawn = pictures::draw(&Settings {
            class: whole(0)? as usize,
            picture_seed: whole(1)?,
            palette: if whole(2)? == 0 { Palette::Muted } else { Palette::Vivid },
            smallest_part: number(3)?,
            jitter: number(4)?,
            blur: number(5)?,
            views_seed: whole(6)?,
        })?;
        let hash: String =
            Sha256::digest(drawn.rgba()).iter().map(|byte| format!("{byte:02x}")).collect();
        hashes.push(hash);
    }
    let mut numbers = Vec::new();
    let losses = list(&wanted["losses"]);
    if !losses.is_empty() {
        let stored = list(&wanted["embeddings"]);
        let stored: Vec<i8> = stored.iter().filter_map(|x| x.as_i64()?.try_into().ok()).collect();
        let width = wanted["width"].as_u64().ok_or("a width")?;
        let mut batch = Batch::new(&stored, width as usize)?;
        for case in losses {
            batch.resize(case[0].as_u64().ok_or("a batch size")? as usize)?;
            numbers.push(batch.numbers(case[1].as_f64().ok_or("a temperature")?)?);
        }
    }
    let mut circles = Vec::new();
    for values in list(&wanted["circles"]) {
        let number = |i: usize| values[i].as_f64().ok_or("a number");
        circles.push(Circle { arc: number(0)?, apart: number(1)? }.numbers(number(2)?)?);
    }
    println!("{}", json!({"hashes": hashes, "numbers": numbers, "circles": circles}));
    Ok(())
}
