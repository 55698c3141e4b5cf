//! What a page has to show, computed natively: reads {"pictures": [...], "rows": [...], "embeddings": [...], "width": W,
//! "losses": [[n, temperature], ...], "couplings": [[n, temperature], ...], "circles": [[arc, apart, temperature], ...]}
//! and writes {"hashes": [...], "rows": [{"hash", "numbers"}, ...], "numbers": [[...], ...], "couplings": [[...], ...],
//! "circles": [[...], ...]}.
//!
//! A picture is class, seed, 1 if vivid, smallest part, jitter, blur, seed of the views; a row is class, seed, 1 if
//! vivid, smallest part, mirror, turn, light, hue, grey, blur, seed of the views; `site/check/experiments.mjs` compares.

use std::error::Error;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twoviews::data::Palette;
use twoviews_web::batch::Batch;
use twoviews_web::circle::Circle;
use twoviews_web::coupling::Coupling;
use twoviews_web::pictures::{self, Settings};
use twoviews_web::stored::two_views;
use twoviews_web::strengths::{self, Strengths};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn palette(vivid: u64) -> Palette {
    if vivid == 0 { Palette::Muted } else { Palette::Vivid }
}

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
            palette: palette(whole(2)?),
            smallest_part: number(3)?,
            jitter: number(4)?,
            blur: number(5)?,
            views_seed: whole(6)?,
        })?;
        hashes.push(hex(&drawn.rgba()));
    }
    let mut rows = Vec::new();
    for values in list(&wanted["rows"]) {
        let whole = |i: usize| values[i].as_u64().ok_or("a whole number");
        let number = |i: usize| values[i].as_f64().ok_or("a number");
        let row = strengths::draw(&Strengths {
            class: whole(0)? as usize,
            picture_seed: whole(1)?,
            palette: palette(whole(2)?),
            smallest_part: number(3)?,
            mirror: number(4)?,
            turn: number(5)?,
            light: number(6)?,
            hue: number(7)?,
            grey: number(8)?,
            blur: number(9)?,
            views_seed: whole(10)?,
        })?;
        rows.push(json!({"hash": hex(&row.rgba()), "numbers": row.numbers()}));
    }
    let stored = list(&wanted["embeddings"]);
    let stored: Vec<i8> = stored.iter().filter_map(|x| x.as_i64()?.try_into().ok()).collect();
    let width = wanted["width"].as_u64().unwrap_or(0) as usize;
    let cases = |name: &str| -> Result<Vec<(usize, f64)>, &str> {
        let case = |it: &Value| Some((it[0].as_u64()? as usize, it[1].as_f64()?));
        list(&wanted[name])
            .iter()
            .map(|it| case(it).ok_or("a case is a batch size and a temperature"))
            .collect()
    };
    let mut numbers = Vec::new();
    for (n, temperature) in cases("losses")? {
        let mut batch = Batch::new(&stored, width)?;
        batch.resize(n)?;
        numbers.push(batch.numbers(temperature)?);
    }
    let mut couplings = Vec::new();
    for (n, temperature) in cases("couplings")? {
        let mut coupling = Coupling::new(two_views(&stored)?, width)?;
        coupling.deal(n)?;
        couplings.push(coupling.numbers(temperature)?);
    }
    let mut circles = Vec::new();
    for values in list(&wanted["circles"]) {
        let number = |i: usize| values[i].as_f64().ok_or("a number");
        circles.push(Circle { arc: number(0)?, apart: number(1)? }.numbers(number(2)?)?);
    }
    println!(
        "{}",
        json!({
            "hashes": hashes,
            "rows": rows,
            "numbers": numbers,
            "couplings": couplings,
            "circles": circles,
        })
    );
    Ok(())
}
