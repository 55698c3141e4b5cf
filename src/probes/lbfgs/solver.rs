//! Rounds of linfa's search, then argmin's.

use ndarray::Array2;
use tch::{Kind, Tensor};

use super::argmin_search;
use super::linfa_rounds::Rounds;
use crate::Result;
use crate::notebook::interrupted;
use crate::probes::objective::{Objective, Optimum};

/// Iterations of linfa's first round; every other has twice as many as the one before. linfa tells
/// neither how many it took nor why it stopped, so this is how closely they are counted, while each
/// round forgets the curvature that the one before had learnt.
const FIRST_ROUND: usize = 25;

/// linfa's sum of exponentials is that of the likeliest row for every row: where another row's
/// largest logit is this much smaller, its loss is not that of the objective (it clips at 34.5).
const SPREAD: f64 = 30.0;

/// Minimises the mean objective from 0 until its gradient's length is at most `tol`, for at most
/// `max_iter` iterations, or until no line search finds a lower value.
///
/// `x` and `classes` are what `objective` was made of. Each of linfa's rounds counts in full, so that the
/// iterations are those at most.
///
/// # Errors
/// If libtorch refuses an operation, the search meets what is not a number, or the user interrupts.
pub(in crate::probes) fn minimise(
    objective: &Objective,
    x: Array2<f64>,
    classes: &[i64],
    c: f64,
    max_iter: usize,
    tol: f64,
) -> Result<Optimum> {
    let shape = [objective.rows, objective.width()];
    let mut w = Tensor::f_zeros(shape, (Kind::Double, tch::Device::Cpu))?;
    let mut value = objective.evaluate(&w).value;
    let (mut iterations, mut round) = (0, FIRST_ROUND);
    let mut rounds = Rounds::new(x, classes, c, tol);
    while iterations < max_iter && objective.spread(&w)? <= SPREAD {
        round = round.min(max_iter - iterations);
        let Some(next) = rounds.next(interrupted, round)? else { break };
        let at = objective.evaluate(&next);
        if at.value.is_nan() || at.value >= value {
            break;
        }
        (w, value) = (next, at.value);
        iterations += round;
        round = round.saturating_mul(2);
        if at.gradient.f_norm()?.f_double_value(&[])? <= tol * objective.samples() as f64 {
            return Ok(Optimum { w, iterations });
        }
    }
    if iterations >= max_iter {
        return Ok(Optimum { w, iterations });
    }
    let rest = argmin_search::minimise(interrupted, objective, &w, max_iter - iterations, tol)?;
    Ok(Optimum { w: rest.w, iterations: iterations + rest.iterations })
}
