//! The sentence that a paired test allows.

use std::fmt;

/// Two methods, a and b, compared by a paired test, which alone can make one: it says that one beats the
/// other only where the test's p is below the level.
///
/// A value that a notebook's cell ends in is shown as its sentence.
///
/// ```
/// use twoviews::stats::McNemar;
/// let test = McNemar { both: 150, only_a: 14, only_b: 12, neither: 24 };
/// let comparison = test.compare("DCL", "SimCLR");
/// assert_eq!(comparison.winner(), None);
/// assert!(comparison.to_string().starts_with("No difference shown: DCL - SimCLR = +0.010"));
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Name of the first.
    pub a: String,
    /// Name of the second.
    pub b: String,
    /// a - b.
    pub difference: f64,
    /// The 95 % interval of the difference, where there is one.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p, times the number of [comparisons](Self::among).
    pub p: f64,
    /// Below which p one is said to be better; .05.
    pub level: f64,
    /// How many comparisons p allows for; 1 unless [`among`](Self::among) says more.
    pub comparisons: usize,
    /// The test, and on what.
    pub test: String,
}

impl Comparison {
    /// The better one, if the test shows it.
    pub fn winner(&self) -> Option<&str> {
        let shown = self.p < self.level && self.difference.abs() > 0.0;
        shown.then_some(if self.difference > 0.0 { &self.a } else { &self.b })
    }

    /// The same as one of `comparisons` that are told together: p is multiplied by their number
    /// (Bonferroni), because of many comparisons some seem to show something by chance.
    pub fn among(self, comparisons: usize) -> Self {
        let comparisons = comparisons.max(1);
        let p = (self.p / self.comparisons.max(1) as f64 * comparisons as f64).min(1.0);
        Self { p, comparisons, ..self }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { a, b, difference, test, p, .. } = self;
        match self.winner() {
            Some(winner) => {
                let loser = if winner == a { b } else { a };
                write!(f, "{winner} beats {loser}: {:+.3}", difference.abs())?;
            }
            None => write!(f, "No difference shown: {a} - {b} = {difference:+.3}")?,
        }
        f.write_str(" (")?;
        if let Some((low, high)) = self.interval {
            let turned = self.winner().is_some() && *difference < 0.0;
            let (low, high) = if turned { (-high, -low) } else { (low, high) };
            write!(f, "95 % interval {low:+.3} to {high:+.3}; ")?;
        }
        write!(f, "{test}, ")?;
        match p {
            p if *p < 0.001 => f.write_str("p < 0.001")?,
            p => write!(f, "p = {p:.3}")?,
        }
        if self.comparisons > 1 {
            write!(f, " for {} comparisons", self.comparisons)?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
