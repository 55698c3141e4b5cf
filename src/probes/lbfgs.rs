//! L-BFGS, the tutorial's solver, from linfa-logistic.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};

use super::linear::LogisticRegression as Probe;
use crate::notebook::interrupted;
use crate::{Error, Result};

/// Between two looks at whether the reader wants to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Coefficients (rows, D) and intercepts (rows) after at most `max_iter` iterations.
///
/// # Errors
/// If the line search fails, or the reader interrupts.
pub(super) fn minimise(
    probe: &Probe,
    x: Array2<f64>,
    classes: Vec<i64>,
    n_classes: usize,
) -> Result<(Array2<f64>, Array1<f64>)> {
    let probe = probe.clone();
    interruptible(interrupted, move || fit(&probe, &x, &classes, n_classes))
}

/// linfa cannot be stopped, so it works in a thread of its own; one that the reader does not want to
/// wait for ends unheard.
fn interruptible<T: Send + 'static>(
    asked: impl Fn() -> bool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, result) = channel();
    let thread = std::thread::spawn(move || drop(sender.send(work())));
    loop {
        match result.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) if asked() => {
                return Err(Error::Interrupted { place: "in the linear probe, in L-BFGS".into() });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("the thread sends its result before it ends"),
            },
        }
    }
}

/// linfa's penalty is alpha/2 |W|^2, so alpha = 1/C; it stops when the norm of the summed gradient
/// is at most its tolerance, and says neither how many iterations it took nor whether it converged.
fn fit(
    probe: &Probe,
    x: &Array2<f64>,
    classes: &[i64],
    n_classes: usize,
) -> Result<(Array2<f64>, Array1<f64>)> {
    let targets: Array1<usize> = classes.iter().map(|&class| class as usize).collect();
    let dataset = DatasetBase::new(x.view(), targets);
    let tolerance = probe.tol * x.nrows() as f64;
    let failed = |error: linfa_logistic::error::Error| Error::NonFinite {
        name: "L-BFGS",
        place: format!("because its line search failed ({error})"),
        hint: "Scale the features to a deviation near 1, or use Solver::Newton".into(),
    };
    if n_classes == 2 {
        let fitted = LogisticRegression::default()
            .alpha(1.0 / probe.c)
            .max_iterations(probe.max_iter as u64)
            .gradient_tolerance(tolerance)
            .fit(&dataset)
            .map_err(failed)?;
        // linfa may count the first class as the positive one.
        let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
        let coef = fitted.params().mapv(|w| sign * w).insert_axis(ndarray::Axis(0));
        return Ok((coef, Array1::from(vec![sign * fitted.intercept()])));
    }
    let fitted = MultiLogisticRegression::default()
        .alpha(1.0 / probe.c)
        .max_iterations(probe.max_iter as u64)
        .gradient_tolerance(tolerance)
        .fit(&dataset)
        .map_err(failed)?;
    Ok((fitted.params().t().to_owned(), fitted.intercept().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_does_not_wait_for_the_solver() {
        let (release, released) = channel::<()>();
        let work = move || {
            let _ = released.recv();
            Ok(())
        };
        assert!(matches!(interruptible(|| true, work), Err(Error::Interrupted { .. })));
        drop(release);
        assert_eq!(interruptible(|| false, || Ok(7)).unwrap(), 7);
    }

    #[test]
    #[should_panic(expected = "in the solver")]
    fn a_panic_reaches_the_caller() {
        let _ = interruptible(|| false, || -> Result<()> { panic!("in the solver") });
    }
}
