//! Newton's method with Cholesky: the optimum in a few iterations.

use tch::{Kind, Tensor};

use super::objective::Objective;
use crate::{Error, Result};

/// Largest Hessian that is built, in bytes.
const HESSIAN_LIMIT: i64 = 2 << 30;

/// Halvings of the step before the search gives up: the value cannot fall further in float64.
const HALVINGS: usize = 40;

/// Where the method ended.
pub(super) struct Newton {
    pub w: Tensor,
    pub iterations: usize,
}

/// Minimises `objective` from 0 until the largest component of the gradient, divided by the
/// number of samples, is at most `tol`.
///
/// Each step solves H step = gradient by libtorch's Cholesky factorisation and is halved until the
/// value falls by at least 10^-4 of what the gradient promises (Armijo).
///
/// # Errors
/// If the Hessian would not fit [`HESSIAN_LIMIT`], or libtorch cannot factorise it.
pub(super) fn minimise(objective: &Objective, max_iter: usize, tol: f64) -> Result<Newton> {
    let _guard = tch::no_grad_guard();
    let (rows, width) = (objective.rows, objective.width());
    let size = rows * width;
    if size * size > HESSIAN_LIMIT / 8 {
        return Err(Error::parameter(
            "features x classes",
            format!("{} x {rows}", width - 1),
            "a Hessian of at most 2 GiB",
            format!(
                "Newton's Hessian would take {:.1} GiB: use Solver::Lbfgs",
                (size * size * 8) as f64 / f64::from(1 << 30)
            ),
        ));
    }
    let mut w = Tensor::zeros([rows, width], (Kind::Double, tch::Device::Cpu));
    let mut at = objective.evaluate(&w);
    for iteration in 0..max_iter {
        if largest(&at.gradient) <= tol * objective.samples() as f64 {
            return Ok(Newton { w, iterations: iteration });
        }
        let hessian = objective.hessian(&at);
        fix_common_shift(&hessian, rows, width, objective.samples());
        let (factor, info) = Tensor::f_linalg_cholesky_ex(&hessian.tr(), false, false)?;
        if info.int64_value(&[]) != 0 {
            return Err(Error::NonFinite {
                name: "Hessian",
                place: format!("or not positive in Newton iteration {iteration}"),
                hint: "Scale the features to a deviation near 1, or use a smaller C".into(),
            });
        }
        let step =
            at.gradient.view([size, 1]).f_cholesky_solve(&factor, false)?.view([rows, width]);
        let slope = (&step * &at.gradient).sum(None::<Kind>).double_value(&[]);
        let mut length = 1.0;
        let next = (0..HALVINGS).find_map(|_| {
            let candidate = &w - &step * length;
            let there = objective.evaluate(&candidate);
            // Near the optimum the value cannot resolve the fall any more; the gradient can.
            let enough = there.value <= at.value - 1e-4 * length * slope
                || (slope <= 1e-10 * at.value.abs()
                    && largest(&there.gradient) < largest(&at.gradient));
            length *= 0.5;
            enough.then_some((candidate, there))
        });
        let Some((candidate, there)) = next else {
            return Ok(Newton { w, iterations: iteration });
        };
        (w, at) = (candidate, there);
    }
    Ok(Newton { w, iterations: max_iter })
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
