//! Medians, ratios and spreads, as text and as one JSON line a measurement.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::options::Options;
use crate::paths;

/// All results of one variant.
pub(super) struct Row {
    pub variant: String,
    pub is_reference: bool,
    pub results: Vec<Value>,
}

impl Row {
    pub(super) fn new(variant: &str, is_reference: bool) -> Self {
        Self { variant: variant.to_owned(), is_reference, results: Vec::new() }
    }

    /// Items a second, of every round.
    fn rates(&self) -> Vec<f64> {
        let number = |result: &Value, name: &str| result[name].as_f64().unwrap_or(f64::NAN);
        self.results.iter().map(|r| number(r, "items") / number(r, "seconds")).collect()
    }

    /// What else the last round has measured.
    fn notes(&self) -> String {
        let Some(last) = self.results.last().and_then(Value::as_object) else {
            return String::new();
        };
        let known = ["seconds", "items", "peak_mb"];
        let notes = last.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        notes.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// Where the tables go.
pub(super) struct Report {
    folder: PathBuf,
    about: String,
}

impl Report {
    pub(super) fn new(options: &Options, about: &Value) -> Self {
        let about = format!(
            "{} threads, {} workers; images: {}; the probe's features: {}",
            options.threads, options.workers, about["images"], about["features"]
        );
        Self { folder: paths::root().join("target/bench"), about }
    }

    /// Prints a stage's table and appends it to `target/bench/tables.md`; every single measurement
    /// goes to `measurements.jsonl` beside it.
    pub(super) fn add(&mut self, stage: &str, rows: &[Row]) -> Result<()> {
        let table = format!("### {stage}\n\n{}\n\n{}\n", self.about, table(rows));
        println!("{table}");
        fs::create_dir_all(&self.folder)?;
        self.append("tables.md", &table)?;
        for row in rows {
            for (round, result) in row.results.iter().enumerate() {
                let side = if row.is_reference { "python" } else { "rust" };
                let line = json!({
                    "stage": stage, "side": side, "variant": row.variant, "round": round,
                    "result": result,
                });
                self.append("measurements.jsonl", &line.to_string())?;
            }
        }
        Ok(())
    }

    fn append(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{text}"))
            .with_context(|| path.display().to_string())
    }
}

/// One line a variant; ratios are taken round by round against each variant of the
/// reference, or against the first variant where there is none.
fn table(rows: &[Row]) -> String {
    let mut baselines: Vec<&Row> = rows.iter().filter(|row| row.is_reference).collect();
    if baselines.is_empty() && rows.len() > 1 {
        baselines.push(&rows[0]);
    }
    let mut text = "| variant | a second | seconds | spread | peak MB |".to_owned();
    for base in &baselines {
        text += &format!(" times {} |", base.variant);
    }
    text += " besides |\n|---|---|---|---|---|";
    text += &"---|".repeat(baselines.len() + 1);
    for row in rows {
        let rates = row.rates();
        let seconds = median(row.results.iter().filter_map(|r| r["seconds"].as_f64()).collect());
        let peak = row.results.iter().filter_map(|r| r["peak_mb"].as_u64()).max().unwrap_or(0);
        let (low, high) = range(&rates);
        text += &format!(
            "\n| {} | {} | {} | {} to {} | {peak} |",
            row.variant,
            short(median(rates.clone())),
            short(seconds),
            short(low),
            short(high)
        );
        for base in &baselines {
            let ratios: Vec<f64> = rates.iter().zip(base.rates()).map(|(a, b)| a / b).collect();
            let (low, high) = range(&ratios);
            text += &format!(" {:.2} ({low:.2} to {high:.2}) |", median(ratios));
        }
        text += &format!(" {} |", row.notes());
    }
    text
}

/// Three digits at least; empty where nothing was measured.
fn short(value: f64) -> String {
    if !value.is_finite() {
        String::new()
    } else if value < 1.0 {
        format!("{value:.4}")
    } else if value < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
        (low.min(value), high.max(value))
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(variant: &str, is_reference: bool, seconds: [f64; 3]) -> Row {
        let results = seconds.map(|s| json!({"seconds": s, "items": 10, "peak_mb": 5, "x": 7}));
        Row { results: results.to_vec(), ..Row::new(variant, is_reference) }
    }

    #[test]
    fn ratios_are_medians_of_rounds() {
        let text = table(&[row("nidl", true, [2.0, 4.0, 8.0]), row("f32", false, [1.0, 1.0, 2.0])]);
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("| f32 | 10.00 | 1.00 | 5.00 to 10.00 | 5 |"), "{last}");
        assert!(last.ends_with("| 4.00 (2.00 to 4.00) | x 7 |"), "{last}");
        let alone = table(&[row("f32", false, [2.0; 3]), row("bf16", false, [1.0; 3])]);
        assert!(alone.contains(" times f32 |"), "{alone}");
        assert!(alone.ends_with("| 2.00 (2.00 to 2.00) | x 7 |"), "{alone}");
        assert!(!table(&[row("f32", false, [2.0; 3])]).contains("times"));
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
