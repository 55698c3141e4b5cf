//! linfa-logistic on features of any size.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, Axis, concatenate};
use tch::Tensor;

use super::interruption::interrupted_search;
use crate::Result;

/// Between two checks whether the user wants to stop.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// linfa's search, a number of iterations at a time.
///
/// Its first step is the whole gradient, of which its line search tries no less than a share of
/// 1.5e-8, so it works on x' = x / s, with w' = s w and the same intercept: the logits are the same,
/// and so is the penalty, |w|^2 / (2 C) = |w'|^2 / (2 C s^2). One s for all features leaves the optimum
/// where it is; a deviation for each feature would not.
pub(super) struct Rounds {
    data: Arc<DatasetBase<Array2<f64>, Array1<usize>>>,
    scale: f64,
    search: Search,
    /// Where the next round starts, (D + 1, rows), the intercepts in the last row.
    start: Array2<f64>,
}

/// linfa's parameters, the same in every round.
#[derive(Clone, Copy)]
struct Search {
    /// The penalty is alpha / 2 |w'|^2.
    alpha: f64,
    /// The search stops when the length of the gradient of the sum is at most this.
    tolerance: f64,
}

impl Rounds {
    pub(super) fn new(mut x: Array2<f64>, classes: &[i64], c: f64, tol: f64) -> Self {
        let n_classes = classes.iter().max().map_or(0, |&last| last as usize + 1);
        let scale = scale(&x, n_classes, c);
        x.mapv_inplace(|value| value / scale);
        // In w the gradient is s times as long as in w'.
        let tolerance = tol / scale.max(1.0) * x.nrows() as f64;
        // Two classes have one row of coefficients.
        let rows = if n_classes == 2 { 1 } else { n_classes };
        let start = Array2::zeros((x.ncols() + 1, rows));
        let targets = classes.iter().map(|&class| class as usize).collect();
        Self {
            data: Arc::new(DatasetBase::new(x, targets)),
            scale,
            search: Search {
                alpha: 1.0 / c / scale / scale,
                tolerance: tolerance.clamp(f64::MIN_POSITIVE, f64::MAX),
            },
            start,
        }
    }

    /// The best point (rows, D + 1) after at most `iterations` more; none if linfa finds none.
    ///
    /// # Errors
    /// If libtorch refuses an operation, or the user interrupts.
    pub(super) fn next(
        &mut self,
        interrupted: impl Fn() -> bool,
        iterations: usize,
    ) -> Result<Option<Tensor>> {
        let (data, start) = (Arc::clone(&self.data), self.start.clone());
        let search = self.search;
        let work = move || fit(&data, search, iterations as u64, start);
        let found = interruptible(interrupted, work)?;
        let Some(found) = found else { return Ok(None) };
        let mut w = found.t().to_owned();
        let d = w.ncols() - 1;
        w.slice_mut(ndarray::s![.., ..d]).mapv_inplace(|w| w / self.scale);
        self.start = found;
        let size = [w.nrows() as i64, w.ncols() as i64];
        let w: Vec<f64> = w.iter().copied().collect();
        Ok(Some(Tensor::f_from_slice(&w)?.f_view(size)?))
    }
}

/// s, with which a coefficient is curved as the intercept is: at 0, with p = 1 / classes, the second
/// derivatives are N p (1 - p) mean(x^2) / s^2 + 1 / (C s^2) and N p (1 - p).
fn scale(x: &Array2<f64>, n_classes: usize, c: f64) -> f64 {
    let p = 1.0 / n_classes as f64;
    let largest = x.fold(0.0f64, |largest, value| largest.max(value.abs()));
    let share = if largest > 0.0 { x.mapv(|value| (value / largest).powi(2)).mean() } else { None };
    let size = largest * share.unwrap_or(0.0).sqrt();
    let penalty = 1.0 / c / (x.nrows() as f64 * p * (1.0 - p));
    size.hypot(penalty.sqrt()).clamp(f64::MIN_POSITIVE, f64::MAX)
}

/// Where at most so many `iterations` of linfa's search from `start` end; none if it fails.
fn fit(
    data: &DatasetBase<Array2<f64>, Array1<usize>>,
    Search { alpha, tolerance }: Search,
    iterations: u64,
    start: Array2<f64>,
) -> Option<Array2<f64>> {
    let (coefficients, intercepts) = if start.ncols() == 1 {
        // linfa counts the class with more rows as the positive one, of two equal ones the first row's.
        let targets = &data.targets;
        let ones = targets.iter().filter(|&&class| class == 1).count();
        let zeros = targets.len() - ones;
        let sign = if ones > zeros || ones == zeros && targets[0] == 1 { 1.0 } else { -1.0 };
        let fitted = LogisticRegression::default()
            .alpha(alpha)
            .max_iterations(iterations)
            .gradient_tolerance(tolerance)
            .initial_params(start.column(0).mapv(|w| sign * w))
            .fit(data)
            .ok()?;
        let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
        let coefficients = fitted.params().mapv(|w| sign * w).insert_axis(Axis(1));
        (coefficients, Array1::from_elem(1, sign * fitted.intercept()))
    } else {
        let fitted = MultiLogisticRegression::default()
            .alpha(alpha)
            .max_iterations(iterations)
            .gradient_tolerance(tolerance)
            .initial_params(start)
            .fit(data)
            .ok()?;
        (fitted.params().clone(), fitted.intercept().clone())
    };
    let intercepts = intercepts.insert_axis(Axis(0));
    concatenate(Axis(0), &[coefficients.view(), intercepts.view()]).ok()
}

/// linfa cannot be stopped, so it works in a thread of its own; one that the user does not want to
/// wait for ends unheard.
fn interruptible<T: Send + 'static>(
    interrupted: impl Fn() -> bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (sender, result) = channel();
    let thread = std::thread::spawn(move || drop(sender.send(work())));
    loop {
        match result.recv_timeout(CHECK_INTERVAL) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) if interrupted() => return Err(interrupted_search()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("the thread sends its result before it ends"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::probes::objective::Objective;

    #[test]
    fn a_round_goes_on_from_the_one_before() {
        let x = Array2::from_shape_fn((40, 3), |(i, j)| 1e3 * ((3 * i + j * j) as f64).sin());
        // Most rows of the first class, of the second, as many of both, and three classes.
        let classes = |class: fn(i64) -> i64| (0..40).map(class).collect::<Vec<_>>();
        let cases = [
            (2, classes(|i| i64::from(i % 3 == 1))),
            (2, classes(|i| i64::from(i % 3 != 1))),
            (2, classes(|i| i % 2)),
            (2, classes(|i| 1 - i % 2)),
            (3, classes(|i| i * 7 % 11 % 3)),
        ];
        for (n_classes, classes) in cases {
            let objective = Objective::new(&x, &classes, n_classes, 1.0).unwrap();
            let mut rounds = Rounds::new(x.clone(), &classes, 1.0, 1e-12);
            let mut value = 40.0 * (n_classes as f64).ln();
            for _ in 0..3 {
                let w = rounds.next(|| false, 2).unwrap().unwrap();
                let next = objective.evaluate(&w).value;
                assert!(next < value, "{next} after {value} of {n_classes} classes");
                value = next;
            }
        }
    }

    #[test]
    fn features_of_any_scale_reach_the_tolerance() {
        for factor in [1e-100, 1e-8, 1.0, 1e4, 1e5] {
            let x = Array2::from_shape_fn((60, 3), |(i, j)| ((3 * i + j * j) as f64).sin());
            let x = x * factor;
            let classes: Vec<i64> = (0..60).map(|i| i * 7 % 11 % 3).collect();
            let objective = Objective::new(&x, &classes, 3, 1.0).unwrap();
            let w = Rounds::new(x, &classes, 1.0, 1e-3).next(|| false, 200).unwrap().unwrap();
            let length = objective.evaluate(&w).gradient.norm().double_value(&[]) / 60.0;
            assert!(length <= 1e-3, "gradient {length:e} on features x {factor:e}");
        }
    }

    #[test]
    fn an_interrupt_does_not_wait_for_the_solver() {
        let (release, released) = channel::<()>();
        let work = move || {
            let _ = released.recv();
        };
        assert!(matches!(interruptible(|| true, work), Err(Error::Interrupted { .. })));
        drop(release);
        assert_eq!(interruptible(|| false, || 7).unwrap(), 7);
    }

    #[test]
    #[should_panic(expected = "in the solver")]
    fn a_panic_reaches_the_caller() {
        let _ = interruptible(|| false, || panic!("in the solver"));
    }
}
