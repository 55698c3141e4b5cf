//! Two methods over the same seeds.

use std::fmt;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Comparison;
use super::wilson::check_confidence;
use crate::{Error, Result};

/// Student's paired t test: the same measurement of two methods, a and b, seed by seed.
///
/// With d the differences a - b, their mean m, and s their standard deviation (dividing by n - 1):
/// t = m / (s / sqrt(n)), with n - 1 degrees of freedom.
///
/// ```
/// use twoviews::stats::PairedT;
/// let test = PairedT::of(&[0.80, 0.78, 0.81], &[0.77, 0.76, 0.76])?;
/// assert_eq!((test.n, format!("{:.3}", test.difference)), (3, "0.033".into()));
/// assert_eq!((format!("{:.3}", test.t), format!("{:.3}", test.p)), ("3.780".into(), "0.063".into()));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PairedT {
    /// Pairs.
    pub n: usize,
    /// Mean of a - b.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// The statistic; infinite where all differences are the same and not 0.
    pub t: f64,
    /// Two-sided p.
    ///
    /// Differences without any spread, which few seeds on few images can give, have no t: then it is the
    /// smallest p of the exact sign-flip test, 2^(1 - n), and 1 if all differences are 0.
    pub p: f64,
}

impl PairedT {
    /// Tests `a` against `b`, pair by pair.
    ///
    /// # Errors
    /// If the lengths differ, there are fewer than two pairs, or a value is not finite.
    pub fn of(a: &[f64], b: &[f64]) -> Result<Self> {
        if a.len() != b.len() || a.len() < 2 {
            return Err(Error::Shape {
                name: "b",
                found: vec![b.len() as i64],
                expected: format!("({}), as long as a, and at least 2", a.len()),
                hint: "Measure both methods with the same seeds, at least two.".into(),
            });
        }
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        if let Some(at) = differences.iter().position(|it| !it.is_finite()) {
            let hint = "Leave out the seed whose measurement failed.".into();
            return Err(Error::NonFinite { name: "a - b", place: format!("in pair {at}"), hint });
        }
        let n = differences.len() as f64;
        let mean = differences.iter().map(|it| it / n).sum::<f64>();
        let squares: f64 = differences.iter().map(|it| (it - mean).powi(2)).sum();
        let error = (squares / (n - 1.0) / n).sqrt();
        // Equal differences of decimals such as .80 - .77 differ in their last bits.
        let largest = a.iter().chain(b).fold(0.0f64, |most, it| most.max(it.abs()));
        if error <= 4.0 * f64::EPSILON * largest {
            let (t, p) = if mean.abs() <= 4.0 * f64::EPSILON * largest {
                (0.0, 1.0)
            } else {
                (mean.signum() * f64::INFINITY, (1.0 - n).exp2())
            };
            return Ok(Self { n: a.len(), difference: mean, error: 0.0, t, p });
        }
        let t = mean / error;
        let p = match student(n - 1.0) {
            Some(student) => (2.0 * student.cdf(-t.abs())).clamp(0.0, 1.0),
            None => 1.0,
        };
        Ok(Self { n: a.len(), difference: mean, error, t, p })
    }

    /// The interval of the mean difference; `None` where the differences have no spread.
    ///
    /// # Errors
    /// If `confidence` is not above 0 and below 1.
    pub fn interval(&self, confidence: f64) -> Result<Option<(f64, f64)>> {
        check_confidence(confidence)?;
        let student = student(self.n as f64 - 1.0).filter(|_| self.error > 0.0);
        Ok(student.map(|student| {
            let half = student.inverse_cdf((1.0 + confidence) / 2.0) * self.error;
            (self.difference - half, self.difference + half)
        }))
    }

    /// What may be said of the two at level .05, with the 95 % interval.
    ///
    /// ```
    /// use twoviews::stats::PairedT;
    /// let test = PairedT::of(&[0.80, 0.78, 0.81], &[0.77, 0.76, 0.76])?;
    /// let said = test.compare("DCL", "SimCLR").to_string();
    /// assert!(said.starts_with("No difference shown: DCL - SimCLR = +0.033"), "{said}");
    /// # Ok::<(), twoviews::Error>(())
    /// ```
    pub fn compare(&self, a: &str, b: &str) -> Comparison {
        Comparison {
            a: a.to_owned(),
            b: b.to_owned(),
            difference: self.difference,
            interval: self.interval(0.95).ok().flatten(),
            p: self.p,
            level: 0.05,
            comparisons: 1,
            test: format!("paired t test over {} seeds", self.n),
        }
    }
}

fn student(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom).ok()
}

impl fmt::Debug for PairedT {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, difference, error, t, p } = self;
        write!(f, "{n} pairs: {difference:+.4} +- {error:.4}, t = {t:.2}, p = {p:.3}")
    }
}
