//! Two classifiers on the same images.

use std::fmt;

use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

use super::Comparison;
use super::wilson::{quantile, wilson};
use crate::{Error, Result};

/// McNemar's paired test: two classifiers, a and b, judged on the same images.
///
/// Images that both get right, or both wrong, say nothing about which is better. Of the others, those
/// that only one gets right, half would fall to either side if the two were equally good.
///
/// ```
/// use twoviews::stats::McNemar;
/// let truth = [0, 1, 2, 3, 4, 5];
/// let test = McNemar::of(&[0, 1, 2, 3, 4, 0], &[0, 1, 0, 0, 0, 5], &truth)?;
/// assert_eq!((test.only_a, test.only_b), (3, 1));
/// assert_eq!((format!("{:.3}", test.exact()), format!("{:.3}", test.mid_p())), ("0.625".into(), "0.375".into()));
/// # Ok::<(), twoviews::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct McNemar {
    /// Images that both classify correctly.
    pub both: usize,
    /// Images that only a classifies correctly.
    pub only_a: usize,
    /// Images that only b classifies correctly.
    pub only_b: usize,
    /// Images that both classify wrongly.
    pub neither: usize,
}

impl McNemar {
    /// Counts what `a` and `b` predicted against the `truth`.
    ///
    /// # Errors
    /// If the lengths differ, or nothing was predicted.
    pub fn of<'a, T: PartialEq + 'a>(
        a: impl IntoIterator<Item = &'a T>,
        b: impl IntoIterator<Item = &'a T>,
        truth: impl IntoIterator<Item = &'a T>,
    ) -> Result<Self> {
        let (mut a, mut b, mut truth) = (a.into_iter(), b.into_iter(), truth.into_iter());
        let mut test = Self { both: 0, only_a: 0, only_b: 0, neither: 0 };
        loop {
            let (a, b) = match (a.next(), b.next(), truth.next()) {
                (Some(a), Some(b), Some(truth)) => (a == truth, b == truth),
                (None, None, None) if test.len() > 0 => return Ok(test),
                (a, b, truth) => {
                    let ended =
                        [("a", a.is_none()), ("b", b.is_none()), ("truth", truth.is_none())];
                    let name = ended.iter().find(|(_, ended)| *ended).map_or("a", |(name, _)| name);
                    return Err(Error::Shape {
                        name,
                        found: vec![test.len() as i64],
                        expected: "(N), the same N >= 1 for a, b and truth".into(),
                        hint:
                            "Give one prediction of each classifier and one label for each image."
                                .into(),
                    });
                }
            };
            *match (a, b) {
                (true, true) => &mut test.both,
                (true, false) => &mut test.only_a,
                (false, true) => &mut test.only_b,
                (false, false) => &mut test.neither,
            } += 1;
        }
    }

    /// How many images there are.
    #[expect(clippy::len_without_is_empty, reason = "`of` makes none without images")]
    pub fn len(&self) -> usize {
        [self.both, self.only_a, self.only_b, self.neither]
            .iter()
            .fold(0, |n, &it| n.saturating_add(it))
    }

    /// Accuracy of a minus accuracy of b; 0 without images.
    pub fn difference(&self) -> f64 {
        (self.only_a as f64 - self.only_b as f64) / self.len().max(1) as f64
    }

    /// The exact two-sided p: twice the probability of at most min(only_a, only_b) heads in
    /// only_a + only_b throws of a fair coin, at most 1.
    ///
    /// Q. McNemar, *Note on the sampling error of the difference between correlated proportions or
    /// percentages*, Psychometrika 12 (1947).
    pub fn exact(&self) -> f64 {
        self.coin().map_or(1.0, |(coin, k)| (2.0 * coin.cdf(k)).clamp(0.0, 1.0))
    }

    /// The mid-p: as [`exact`](Self::exact), but what was observed counts half. It rejects as often as
    /// its level says, which the exact test does not reach.
    ///
    /// M. W. Fagerland, S. Lydersen, P. Laake, *The McNemar test for binary matched-pairs data: mid-p and
    /// asymptotic are better than exact conditional*, BMC Medical Research Methodology 13 (2013).
    pub fn mid_p(&self) -> f64 {
        let Some((coin, k)) = self.coin() else { return 1.0 };
        let observed = coin.pmf(k);
        if self.only_a == self.only_b {
            // Both sides hold the same observation.
            1.0 - observed / 2.0
        } else {
            (2.0 * coin.cdf(k) - observed).clamp(0.0, 1.0)
        }
    }

    /// The throws of a coin that the test compares with, and the smaller count; nothing where a and b
    /// are right on the same images.
    fn coin(&self) -> Option<(Binomial, u64)> {
        let (a, b) = (self.only_a as u64, self.only_b as u64);
        let throws = a.checked_add(b).filter(|&throws| throws > 0)?;
        Some((Binomial::new(0.5, throws).ok()?, a.min(b)))
    }

    /// Newcombe's interval of the [`difference`](Self::difference), square-and-add with the
    /// correlation of the pairs and a continuity correction.
    ///
    /// Method 10 in R. G. Newcombe, *Improved confidence intervals for the difference between binomial
    /// proportions based on paired data*, Statistics in Medicine 17 (1998).
    ///
    /// # Errors
    /// If `confidence` is not above 0 and below 1, or there is no image.
    pub fn interval(&self, confidence: f64) -> Result<(f64, f64)> {
        let z = quantile(confidence)?;
        if self.len() == 0 {
            let hint = "Count the images of a test set with McNemar::of.";
            return Err(Error::parameter("images", 0, "at least 1", hint));
        }
        let [both, only_a, only_b, neither, n] =
            [self.both, self.only_a, self.only_b, self.neither, self.len()]
                .map(|count| count as f64);
        let (right_a, right_b) = (both + only_a, both + only_b);
        let ((low_a, high_a), (low_b, high_b)) = (wilson(right_a, n, z), wilson(right_b, n, z));
        let (a, b) = (right_a / n, right_b / n);
        let product = right_a * (only_b + neither) * right_b * (only_a + neither);
        let excess = both * neither - only_a * only_b;
        let corrected = if excess > 0.0 { (excess - n / 2.0).max(0.0) } else { excess };
        let phi = if product > 0.0 { corrected / product.sqrt() } else { 0.0 };
        let side = |x: f64, y: f64| (x * x - 2.0 * phi * x * y + y * y).max(0.0).sqrt();
        let difference = self.difference();
        Ok((
            (difference - side(a - low_a, high_b - b)).max(-1.0),
            (difference + side(high_a - a, b - low_b)).min(1.0),
        ))
    }

    /// What may be said of the two, by the mid-p test at level .05, with the 95 % interval.
    ///
    /// ```
    /// use twoviews::stats::McNemar;
    /// let test = McNemar { both: 700, only_a: 90, only_b: 50, neither: 160 };
    /// let said = test.compare("DCL", "SimCLR").to_string();
    /// assert!(said.starts_with("DCL beats SimCLR: +0.040"), "{said}");
    /// ```
    pub fn compare(&self, a: &str, b: &str) -> Comparison {
        Comparison {
            a: a.to_owned(),
            b: b.to_owned(),
            difference: self.difference(),
            interval: self.interval(0.95).ok(),
            p: self.mid_p(),
            level: 0.05,
            comparisons: 1,
            test: format!("McNemar's mid-p test on {} images", self.len()),
        }
    }
}

impl fmt::Debug for McNemar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { both, only_a, only_b, neither } = self;
        let p = self.mid_p();
        write!(
            f,
            "right: both {both}, only a {only_a}, only b {only_b}, neither {neither}; mid-p {p:.3}"
        )
    }
}
