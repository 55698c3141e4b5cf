//! The experiments in the lessons' pages: their program, their places, and what they get of the run.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use crate::execution::Execution;
use xtask::lessons::lesson::Lesson;
use xtask::say::say;
use xtask::{folders, paths, tools};

/// A cell with this tag, followed by a name, has the experiment of that name below it.
const TAG: &str = "experiment:";
/// The look of an experiment's place, whether anything computes in it or not.
const STYLE: &str = "style.css";
/// What all experiments stand on.
const BASE: [&str; 2] = ["compute.js", "page.js"];
/// The compiled program, which only pages that compute have.
const PROGRAM: &str = "program.js";
/// The folder of all of these in a site.
const FOLDER: &str = "_static/experiments";

/// Whether a site's pages compute.
pub(crate) fn compute_in(site: &Path) -> bool {
    site.join(FOLDER).join(PROGRAM).is_file()
}

/// The program in which the experiments compute, if this machine can make it.
pub(crate) struct Experiments(Option<Vec<u8>>);

impl Experiments {
    /// Compiles the program. Without the compiler's library for WebAssembly pages get none.
    pub(crate) fn build() -> Result<Self> {
        if !tools::has_webassembly()? {
            let how = tools::WEBASSEMBLY_HOW;
            say(&format!(
                "the pages get no experiments, because the compiler lacks WebAssembly: {how}, then this \
                 command again"
            ));
            return Ok(Self(None));
        }
        say("compiling the pages' experiments");
        let mut cargo = Command::new("cargo");
        cargo.current_dir(paths::root()).args(["build", "--package", "twoviews-web"]);
        cargo.args(["--profile", "web", "--target", tools::WEBASSEMBLY]);
        // Flags for this machine's processor mean nothing there.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        tools::forget_package(&mut cargo);
        let messages = tools::messages(&mut cargo)
            .context("the experiments of the pages (web/) do not compile")?;
        let programs = messages.iter().filter(|it| it["target"]["name"] == "twoviews_web");
        let files = programs.filter_map(|it| it["filenames"].as_array()).flatten();
        let mut files = files.filter_map(Value::as_str);
        let file = files.find(|name| name.ends_with(".wasm")).context("cargo names no program")?;
        Ok(Self(Some(fs::read(file).with_context(|| format!("reading {file}"))?)))
    }

    /// Puts a place for each experiment that the page's cells name below the cell.
    pub(crate) fn place(&self, lesson: &Lesson, page: &mut Value) -> Result<()> {
        let Some(cells) = page["cells"].as_array_mut() else { return Ok(()) };
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        for cell in cells.drain(..) {
            let names = named(&cell);
            all.push(cell);
            for name in names {
                let is_new = seen.insert(name.clone());
                ensure!(is_new, "{}: two cells have the tag {TAG}{name}", lesson.name);
                let text = self.html(&lesson.name, &name)?;
                let id = format!("experiment-{name}");
                all.push(
                    json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": text}),
                );
            }
        }
        *cells = all;
        Ok(())
    }

    /// The place of an experiment, with a line that stays where nothing can be computed.
    fn html(&self, lesson: &str, name: &str) -> Result<String> {
        let title = title(name)?;
        let note = match self.0 {
            Some(_) => "The knobs of this experiment need JavaScript and WebAssembly.",
            None => "This site was made without WebAssembly, so there are no knobs to turn here.",
        };
        let mut html = format!(
            "<link rel=\"stylesheet\" href=\"../_static/experiments/style.css\">\n\
             <section class=\"experiment\" data-experiment=\"{name}\" aria-labelledby=\"experiment-{name}\">\n\
             <p class=\"experiment-title\" id=\"experiment-{name}\">{title}</p>\n\
             <p class=\"experiment-note\">{note} What the run has shown stands on this page all the same.</p>\n\
             </section>\n"
        );
        if self.0.is_some() {
            let of_run = of_run(lesson, name);
            for script in ["compute", "program", "page", name, &of_run] {
                html += &format!(
                    "<script defer src=\"../_static/experiments/{script}.js\"></script>\n"
                );
            }
        }
        Ok(html)
    }

    /// Writes what the pages load to the site, anew.
    pub(crate) fn write(
        &self,
        lessons: &[(Lesson, Execution)],
        files_of: impl Fn(&Lesson) -> PathBuf,
        site: &Path,
    ) -> Result<()> {
        let folder = site.join(FOLDER);
        folders::remove(&folder)?;
        fs::create_dir_all(&folder)?;
        let copy = |file: &str| {
            let from = source(file);
            fs::copy(&from, folder.join(file)).with_context(|| from.display().to_string())
        };
        copy(STYLE)?;
        let Some(program) = &self.0 else { return Ok(()) };
        for file in BASE {
            copy(file)?;
        }
        let program = BASE64_STANDARD.encode(program);
        fs::write(folder.join(PROGRAM), format!("twoviews.module = \"{program}\";\n"))?;
        for (lesson, execution) in lessons {
            let cells = crate::page::merged(lesson, execution)?["cells"].take();
            for name in cells.as_array().into_iter().flatten().flat_map(named) {
                copy(&format!("{name}.js"))?;
                let mut data = data(&files_of(lesson).join(format!("{name}.safetensors")))
                    .with_context(|| format!("what {} has stored for {name}", lesson.name))?;
                data["run"] = json!({
                    "quick": execution.run["quick"], "stand_ins": execution.stand_ins()
                });
                let script = format!("twoviews.data.set({}, {data});\n", json!(name));
                let file = folder.join(format!("{}.js", of_run(&lesson.name, &name)));
                folders::atomic_write(&file, script.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// The experiments that a cell names.
fn named(cell: &Value) -> Vec<String> {
    let tags = cell["metadata"]["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = tags.iter().filter_map(|tag| tag.as_str()?.strip_prefix(TAG));
    names.map(str::to_owned).collect()
}

fn source(file: &str) -> PathBuf {
    paths::root().join("web/experiments").join(file)
}

/// The script with what a run has stored for an experiment.
fn of_run(lesson: &str, name: &str) -> String {
    format!("{lesson}-{name}")
}

/// What an experiment is called: its script's first line.
fn title(name: &str) -> Result<String> {
    let file = source(&format!("{name}.js"));
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name || name.is_empty() || !file.is_file() {
        bail!("the tag {TAG}{name} of a cell names no experiment: there is no {}", file.display());
    }
    let text = fs::read_to_string(&file)?;
    let first = text.lines().next().and_then(|line| line.strip_prefix("// "));
    let first = first.with_context(|| format!("{} begins with no `// Title`", file.display()))?;
    Ok(first.trim_end_matches('.').replace('&', "&amp;").replace('<', "&lt;"))
}

/// What a lesson's run has stored for an experiment, small: a matrix as its shape and signed bytes, each
/// row in its own unit; fewer numbers as they are. Nothing stored is an empty object.
fn data(file: &Path) -> Result<Value> {
    if !file.exists() {
        return Ok(json!({}));
    }
    let content = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let tensors = SafeTensors::deserialize(&content).context("no safetensors")?;
    let mut all = Map::new();
    for (name, tensor) in tensors.tensors() {
        let numbers: Vec<f64> = match tensor.dtype() {
            Dtype::F32 => {
                let numbers = tensor.data().as_chunks::<4>().0.iter();
                numbers.map(|bytes| f32::from_le_bytes(*bytes).into()).collect()
            }
            Dtype::F64 => {
                let numbers = tensor.data().as_chunks::<8>().0.iter();
                numbers.map(|bytes| f64::from_le_bytes(*bytes)).collect()
            }
            other => bail!("{name} is {other:?}: store Float or Double"),
        };
        ensure!(numbers.iter().all(|x| x.is_finite()), "{name} holds NaN or infinity");
        let value = match tensor.shape() {
            &[rows, columns] if columns > 0 => {
                let bytes: Vec<u8> = numbers.chunks_exact(columns).flat_map(in_bytes).collect();
                json!({"shape": [rows, columns], "bytes": BASE64_STANDARD.encode(bytes)})
            }
            [] | [_] => json!(numbers),
            shape => bail!("{name} has the shape {shape:?}: store matrices, lists and numbers"),
        };
        all.insert(name, value);
    }
    Ok(Value::Object(all))
}

/// A row in the unit in which its largest number is 127.
fn in_bytes(row: &[f64]) -> Vec<u8> {
    let largest = row.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let unit = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    row.iter().map(|x| ((x * unit).round() as i8).cast_unsigned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{TensorView, serialize};

    fn lesson() -> Lesson {
        Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook: Value::Null }
    }

    fn page(tag: &str) -> Value {
        json!({"cells": [
            {"cell_type": "code", "id": "a", "metadata": {"tags": ["summary", tag]}},
            {"cell_type": "code", "id": "b", "metadata": {}},
        ]})
    }

    #[test]
    fn an_experiment_stands_below_the_cell_that_names_it() {
        let mut with = page("experiment:two_views");
        Experiments(Some(vec![1])).place(&lesson(), &mut with).unwrap();
        let ids: Vec<&str> =
            with["cells"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["a", "experiment-two_views", "b"]);
        let html = with["cells"][1]["source"].as_str().unwrap();
        assert!(html.contains("data-experiment=\"two_views\""), "{html}");
        assert!(html.contains("07_x-two_views.js"), "{html}");
        // A blank line would end the block of HTML.
        assert!(!html.contains("\n\n"), "{html}");

        let mut without = page("experiment:two_views");
        Experiments(None).place(&lesson(), &mut without).unwrap();
        let html = without["cells"][1]["source"].as_str().unwrap();
        assert!(html.contains("made without WebAssembly") && !html.contains("<script"), "{html}");

        let mut other = page("experiment:no_such");
        let error = Experiments(None).place(&lesson(), &mut other).unwrap_err().to_string();
        assert!(error.contains("no_such.js"), "{error}");
        let mut twice = page("experiment:two_views");
        twice["cells"][1]["metadata"] = twice["cells"][0]["metadata"].clone();
        let error = Experiments(None).place(&lesson(), &mut twice).unwrap_err().to_string();
        assert!(error.contains("two cells"), "{error}");
        let mut none = page("other");
        Experiments(None).place(&lesson(), &mut none).unwrap();
        assert_eq!(none, page("other"));
    }

    #[test]
    fn a_site_without_webassembly_has_the_look_and_computes_nothing() {
        let place = tempfile::tempdir().unwrap();
        for (experiments, computes) in
            [(Experiments(Some(vec![1])), true), (Experiments(None), false)]
        {
            experiments.write(&[], |_| PathBuf::new(), place.path()).unwrap();
            assert!(place.path().join(FOLDER).join(STYLE).is_file());
            assert_eq!(compute_in(place.path()), computes);
        }
    }

    #[test]
    fn what_a_run_stores_becomes_small() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("x.safetensors");
        assert_eq!(data(&file).unwrap(), json!({}));
        let bytes =
            |numbers: &[f32]| -> Vec<u8> { numbers.iter().flat_map(|x| x.to_le_bytes()).collect() };
        let store = |shape: Vec<usize>, numbers: &[f32]| {
            let (bytes, one) = (bytes(numbers), 0.07f64.to_le_bytes());
            let z = TensorView::new(Dtype::F32, shape, &bytes).unwrap();
            let t = TensorView::new(Dtype::F64, vec![], &one).unwrap();
            fs::write(&file, serialize([("z", z), ("t", t)], None).unwrap()).unwrap();
            data(&file)
        };
        let found = store(vec![2, 2], &[1.0, -2.0, 0.0, 0.0]).unwrap();
        assert_eq!(found["t"], json!([0.07]));
        assert_eq!(found["z"]["shape"], json!([2, 2]));
        let expected = BASE64_STANDARD.encode([64u8, 129, 0, 0]);
        assert_eq!(found["z"]["bytes"], json!(expected));
        for (shape, numbers, named) in
            [(vec![1, 1, 1], [0.5].as_slice(), "[1, 1, 1]"), (vec![1], &[f32::NAN], "z holds NaN")]
        {
            let error = store(shape, numbers).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        fs::write(&file, "no tensors").unwrap();
        assert!(data(&file).is_err());
    }
}
