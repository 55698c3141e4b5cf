//! What is measured besides the accuracy.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use twoviews::estimator::BatchHook;
use twoviews::ndarray::{Array2, Axis};
use twoviews::prelude::*;
use twoviews::probes::FactorScore;

use crate::Outcome;

/// Mean coupling, its share below one half, alignment and uniformity, every tenth step.
#[derive(Default)]
pub struct Watched(Vec<[f64; 4]>);

impl Watched {
    /// Means over the first twentieth of the steps, the middle tenth and the last tenth.
    pub fn summary(&self) -> Value {
        let n = self.0.len() as f64;
        let part = |from: f64, to: f64| {
            let chosen = &self.0[(from * n) as usize..((to * n).ceil() as usize).min(self.0.len())];
            let mean = |k: usize| chosen.iter().map(|w| w[k]).sum::<f64>() / chosen.len() as f64;
            json!({"q": mean(0), "q below .5": mean(1), "alignment": mean(2), "uniformity": mean(3)})
        };
        json!({"first": part(0.0, 0.05), "middle": part(0.45, 0.55), "last": part(0.9, 1.0)})
    }
}

/// A hook that fills `watched`.
pub fn watch(watched: &Arc<Mutex<Watched>>, temperature: f64) -> BatchHook {
    let watched = watched.clone();
    let measure = move |step: &StepOutputs| -> Outcome<[f64; 4]> {
        let q = npc_multiplier(&step.z1, &step.z2, temperature)?.to_kind(Kind::Double);
        let q = Vec::<f64>::try_from(q)?;
        let share = |count: usize| count as f64 / q.len() as f64;
        let both = Tensor::cat(&[&step.z1, &step.z2], 0);
        Ok([
            q.iter().sum::<f64>() / q.len() as f64,
            share(q.iter().filter(|&&q| q < 0.5).count()),
            alignment(&step.z1, &step.z2, 2.0)?,
            uniformity(&both, 2.0)?,
        ])
    };
    Box::new(move |step| {
        if step.step % 10 == 0
            && let (Ok(measured), Ok(mut watched)) = (measure(step), watched.lock())
        {
            watched.0.push(measured);
        }
    })
}

/// Features, their pictures' places in the data set, and their classes.
pub struct Labelled {
    h: Array2<f32>,
    indices: Vec<usize>,
}

pub fn labelled(loader: &DataLoader, h: Array2<f32>) -> Labelled {
    Labelled { h, indices: loader.subset().indices().to_vec() }
}

/// R^2 of every factor in h and in z; the angle in crescents alone, whose angle shows.
pub fn factors<L: ContrastiveLoss>(
    model: &Estimator<L>,
    shapes: &Shapes10,
    probe: &Labelled,
    test: &Labelled,
) -> Outcome<Value> {
    let mut scores = serde_json::Map::new();
    let z = |h: &Array2<f32>| -> Outcome<Array2<f32>> {
        let flat: Vec<f32> = h.iter().copied().collect();
        let h = Tensor::from_slice(&flat).view([h.nrows() as i64, h.ncols() as i64]);
        let z = model.projection_head.forward(&h)?;
        let shape = (z.size()[0] as usize, z.size()[1] as usize);
        Ok(Array2::from_shape_vec(shape, Vec::try_from(z.flatten(0, -1))?)?)
    };
    let embedded = (z(&probe.h)?, z(&test.h)?);
    for (name, x, x_test) in [("h", &probe.h, &test.h), ("z", &embedded.0, &embedded.1)] {
        for factor in Factor::ALL {
            let score = score(shapes, factor, (x, &probe.indices), (x_test, &test.indices))?;
            scores.insert(format!("{name} {factor}"), score.to_string().into());
        }
    }
    Ok(scores.into())
}

type Rows<'a> = (&'a Array2<f32>, &'a [usize]);

fn score(
    shapes: &Shapes10,
    factor: Factor,
    probe: Rows<'_>,
    test: Rows<'_>,
) -> Result<FactorScore> {
    const CRESCENT: usize = 6;
    let reader = FactorProbe { alpha: 10.0, ..Default::default() };
    let chosen = |(x, indices): Rows<'_>| -> Result<(Array2<f32>, Array2<f64>)> {
        let keep = |&row: &usize| factor != Factor::Angle || indices[row] % 10 == CRESCENT;
        let rows: Vec<usize> = (0..indices.len()).filter(keep).collect();
        let y = reader.targets(shapes, factor, rows.iter().map(|&row| indices[row]))?;
        Ok((x.select(Axis(0), &rows), y))
    };
    let ((x, y), (x_test, y_test)) = (chosen(probe)?, chosen(test)?);
    reader.score((&x, &y), (&x_test, &y_test))
}
