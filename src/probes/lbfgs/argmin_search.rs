//! argmin's L-BFGS on the project's own objective, which is right wherever the logits are.

use std::cell::{Cell, RefCell};

use argmin::core::{CostFunction, Error as Failure, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::Array1;
use tch::Tensor;

use super::interruption::interrupted_search;
use crate::probes::objective::{Objective, Optimum};
use crate::{Error, Result};

/// Pairs of steps and gradients that are kept, as in scikit-learn and SciPy.
const MEMORY: usize = 10;

/// As [`minimise`](super::minimise), from `start` (rows, D + 1).
///
/// The first step, of which the method knows no length yet, has length 1, as in SciPy: the search is
/// over u with w = u / sqrt(|g|), g the gradient at `start`. With a step of -g, features that are large
/// would be so far off that the search, which cannot go below a share of 1.5e-8 of it, would stop at once.
pub(super) fn minimise(
    is_interrupted: impl Fn() -> bool,
    objective: &Objective,
    start: &Tensor,
    max_iter: usize,
    tol: f64,
) -> Result<Optimum> {
    let shape = [objective.rows, objective.width()];
    let samples = objective.samples() as f64;
    let gradient = objective.evaluate(start).gradient;
    let length = gradient.f_norm()?.f_double_value(&[])? / samples;
    let scale = if length > 0.0 { 1.0 / length.sqrt() } else { 1.0 };
    let was_interrupted = Cell::new(false);
    let problem = Scaled {
        objective,
        shape,
        scale,
        is_interrupted,
        was_interrupted: &was_interrupted,
        last: RefCell::default(),
    };
    let start = start.f_div_scalar(scale)?.f_reshape([-1])?;
    let start = Array1::from(Vec::<f64>::try_from(start)?);
    let found = MoreThuenteLineSearch::new()
        .with_bounds(0.0, f64::INFINITY)
        .and_then(|search| LBFGS::new(search, MEMORY).with_tolerance_grad(tol * scale))
        .and_then(|solver| {
            let executor = Executor::new(problem, solver);
            executor.configure(|state| state.param(start).max_iters(max_iter as u64)).run()
        });
    if was_interrupted.get() {
        return Err(interrupted_search());
    }
    let state = match found {
        Ok(found) => found.state,
        Err(error) => {
            return Err(Error::NonFinite {
                name: "objective",
                place: format!("in the line search of L-BFGS ({error})"),
                hint: "Scale the features to a deviation near 1, or use Solver::Newton".into(),
            });
        }
    };
    let iterations = state.get_iter() as usize;
    let u = state.get_best_param().map(Array1::to_vec).unwrap_or_default();
    Ok(Optimum { w: weights(&u, shape, scale)?, iterations })
}

/// w = scale u, (rows, D + 1).
fn weights(u: &[f64], shape: [i64; 2], scale: f64) -> Result<Tensor> {
    Ok(Tensor::f_from_slice(u)?.f_view(shape)?.f_mul_scalar(scale)?)
}

/// The mean objective as a function of u = w / scale.
struct Scaled<'a, A> {
    objective: &'a Objective,
    shape: [i64; 2],
    scale: f64,
    /// Whether the user wants to stop, and whether that was noticed.
    is_interrupted: A,
    was_interrupted: &'a Cell<bool>,
    /// The last point with its value and gradient: argmin asks for one after the other.
    last: RefCell<(Array1<f64>, f64, Array1<f64>)>,
}

impl<A: Fn() -> bool> Scaled<'_, A> {
    fn at(&self, u: &Array1<f64>) -> std::result::Result<(), Failure> {
        if self.last.borrow().0 == u {
            return Ok(());
        }
        if (self.is_interrupted)() {
            self.was_interrupted.set(true);
            return Err(Failure::msg("interrupted"));
        }
        let w = weights(&u.to_vec(), self.shape, self.scale)?;
        let at = self.objective.evaluate(&w);
        // With NaN the search would have no end.
        if at.value.is_nan() {
            return Err(Failure::msg("the objective is not a number"));
        }
        let samples = self.objective.samples() as f64;
        let gradient = at.gradient.f_mul_scalar(self.scale / samples)?.f_reshape([-1])?;
        let gradient = Array1::from(Vec::<f64>::try_from(gradient)?);
        *self.last.borrow_mut() = (u.clone(), at.value / samples, gradient);
        Ok(())
    }
}

impl<A: Fn() -> bool> CostFunction for Scaled<'_, A> {
    type Param = Array1<f64>;
    type Output = f64;

    fn cost(&self, u: &Array1<f64>) -> std::result::Result<f64, Failure> {
        self.at(u)?;
        Ok(self.last.borrow().1)
    }
}

impl<A: Fn() -> bool> Gradient for Scaled<'_, A> {
    type Param = Array1<f64>;
    type Gradient = Array1<f64>;

    fn gradient(&self, u: &Array1<f64>) -> std::result::Result<Array1<f64>, Failure> {
        self.at(u)?;
        Ok(self.last.borrow().2.clone())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use tch::Kind;

    use super::*;

    #[test]
    fn an_interrupt_stops_the_search() {
        let x = Array2::from_shape_fn((20, 3), |(i, j)| ((3 * i + j) as f64).sin());
        let classes: Vec<i64> = (0..20).map(|i| i % 3).collect();
        let objective = Objective::new(&x, &classes, 3, 1.0).unwrap();
        let origin = Tensor::zeros([3, 4], (Kind::Double, tch::Device::Cpu));
        let checks = Cell::new(0);
        let third = || checks.replace(checks.get() + 1) == 2;
        let stopped = minimise(third, &objective, &origin, 100, 1e-9);
        assert!(matches!(stopped, Err(Error::Interrupted { .. })));
        let found = minimise(|| false, &objective, &origin, 100, 1e-9).unwrap();
        assert!(found.iterations > 3);
    }
}
