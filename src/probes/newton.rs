//! Newton's method: the optimum in a few iterations.

use tch::{Kind, Tensor};

use super::objective::{Evaluation, Objective, Optimum};
use crate::notebook::check_interrupt;
use crate::{Error, Result};

/// Largest Hessian that is built, in bytes.
const HESSIAN_LIMIT: f64 = 2.0 * GIB;

const GIB: f64 = (1 << 30) as f64;

/// Halvings of the step before the search gives up: the value cannot fall further in float64.
const HALVINGS: usize = 40;

/// Conjugate gradients before the Hessian is factorised instead. A few dozen suffice on the features
/// of an encoder; the factorisation costs as much as some thousand.
const CONJUGATE_GRADIENTS: usize = 300;

/// Distance of the value from the optimum, relative to the value, at which the search may end. Only
/// an estimate of it is known, which has been 20 times too small.
const DISTANCE: f64 = 1e-10;

/// Minimises `objective` from 0 until the largest component of the gradient, divided by the
/// number of samples, is at most `tol`, and the value close to the optimum.
///
/// Each step solves H step = gradient by preconditioned conjugate gradients, the more exactly the
/// smaller the gradient has become (Nocedal and Wright, "Numerical optimization", 2006, section
/// 7.1), or by libtorch's Cholesky factorisation where that takes too long. It is halved until the
/// value falls by at least 10^-4 of what the gradient promises (Armijo).
///
/// # Errors
/// If the Hessian would not fit [`HESSIAN_LIMIT`], or libtorch cannot factorise it.
pub(super) fn minimise(objective: &Objective, max_iter: usize, tol: f64) -> Result<Optimum> {
    let _guard = tch::no_grad_guard();
    let (rows, width) = (objective.rows, objective.width());
    let size = rows * width;
    let bytes = 8.0 * (size as f64).powi(2);
    if bytes > HESSIAN_LIMIT {
        return Err(Error::parameter(
            "features x classes",
            format!("{} x {rows}", width - 1),
            "a Hessian of at most 2 GiB",
            format!("Newton's Hessian would take {:.1} GiB: use Solver::Lbfgs", bytes / GIB),
        ));
    }
    let mut w = Tensor::zeros([rows, width], (Kind::Double, tch::Device::Cpu));
    let mut at = objective.evaluate(&w);
    let mut first = None;
    for iteration in 0..max_iter {
        stop_if_interrupted(iteration)?;
        let factor = cholesky(&objective.preconditioner(&at), iteration)?;
        let length = dot(&at.gradient, &precondition(&factor, &at.gradient)?);
        let small = largest(&at.gradient) <= tol * objective.samples() as f64;
        if small && length <= DISTANCE * at.value.abs() {
            return Ok(Optimum { w, iterations: iteration });
        }
        // The square of the share of the gradient that a step may leave: less and less.
        let left = (length / *first.get_or_insert(length)).sqrt().min(0.01);
        let step = match conjugate_gradients(objective, &at, &factor, left * length, iteration)? {
            Some(step) => step,
            None => exact(objective, &at, iteration)?,
        };
        let slope = dot(&step, &at.gradient);
        let mut length = 1.0;
        let next = (0..HALVINGS).find_map(|_| {
            let candidate = &w - &step * length;
            let there = objective.evaluate(&candidate);
            // Near the optimum the value cannot resolve the fall any more; the gradient can.
            let is_flatter = largest(&there.gradient) < largest(&at.gradient);
            // A slope so small that it vanishes beside the value would accept standing still.
            let enough = there.value <= at.value - 1e-4 * length * slope
                && (there.value < at.value || is_flatter)
                || slope <= 1e-10 * at.value.abs() && is_flatter;
            length *= 0.5;
            enough.then_some((candidate, there))
        });
        let Some((candidate, there)) = next else {
            return Ok(Optimum { w, iterations: iteration });
        };
        (w, at) = (candidate, there);
    }
    Ok(Optimum { w, iterations: max_iter })
}

fn stop_if_interrupted(iteration: usize) -> Result<()> {
    check_interrupt(|| format!("in the linear probe, in iteration {}", iteration + 1))
}

/// H^-1 gradient until the rest r has r^T M^-1 r <= `enough`, or `None` if it takes too long.
fn conjugate_gradients(
    objective: &Objective,
    at: &Evaluation,
    factor: &Tensor,
    enough: f64,
    iteration: usize,
) -> Result<Option<Tensor>> {
    let mut step = at.gradient.zeros_like();
    let mut rest = at.gradient.copy();
    let mut direction = precondition(factor, &rest)?;
    let mut length = dot(&rest, &direction);
    for _ in 0..CONJUGATE_GRADIENTS {
        stop_if_interrupted(iteration)?;
        let product = objective.hessian_product(at, &direction);
        let curvature = dot(&direction, &product);
        if !(curvature > 0.0 && curvature.is_finite()) {
            return Ok(None);
        }
        step += &direction * (length / curvature);
        rest -= product * (length / curvature);
        let next = precondition(factor, &rest)?;
        let next_length = dot(&rest, &next);
        if next_length <= enough {
            return Ok(Some(step));
        }
        direction = next + direction * (next_length / length);
        length = next_length;
    }
    Ok(None)
}

/// H^-1 gradient by factorisation.
fn exact(objective: &Objective, at: &Evaluation, iteration: usize) -> Result<Tensor> {
    let (rows, width) = (objective.rows, objective.width());
    let hessian = objective.hessian(at);
    fix_common_shift(&hessian, rows, width, objective.samples());
    let factor = cholesky(&hessian.tr(), iteration)?;
    let gradient = at.gradient.view([rows * width, 1]);
    Ok(gradient.f_cholesky_solve(&factor, false)?.view([rows, width]))
}

/// The lower factor; only the lower half of `matrix` is read.
fn cholesky(matrix: &Tensor, iteration: usize) -> Result<Tensor> {
    let (factor, info) = Tensor::f_linalg_cholesky_ex(matrix, false, false)?;
    if info.int64_value(&[]) != 0 {
        return Err(Error::NonFinite {
            name: "Cholesky factor of the Hessian",
            place: format!("in Newton iteration {iteration}"),
            hint:
                "The Hessian is not positive definite: scale the features to a deviation near 1, \
                   or use a smaller C"
                    .into(),
        });
    }
    Ok(factor)
}

/// M^-1 applied to each class's row.
fn precondition(factor: &Tensor, rows: &Tensor) -> Result<Tensor> {
    Ok(rows.tr().f_cholesky_solve(factor, false)?.tr())
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    (a * b).sum(None::<Kind>).double_value(&[])
}

/// The largest absolute value.
pub(super) fn largest(tensor: &Tensor) -> f64 {
    tensor.abs().max().double_value(&[])
}

/// With three classes and more, adding one number to all intercepts changes nothing, so that the
/// Hessian is singular. The gradient has no part in that direction; giving it a curvature leaves
/// the solution as it is.
fn fix_common_shift(hessian: &Tensor, rows: i64, width: i64, samples: i64) {
    if rows > 1 {
        let intercepts =
            Tensor::arange(rows, (Kind::Int64, hessian.device())) * width + (width - 1);
        let shift = Tensor::zeros([rows * width], (Kind::Double, hessian.device()));
        let shift = shift.index_fill(0, &intercepts, 1.0);
        let mut hessian = hessian.shallow_clone();
        hessian += shift.outer(&shift) * (samples as f64 / rows as f64);
    }
}
