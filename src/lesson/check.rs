//! Exercises that check themselves.

use std::fmt;

use super::message::{Message, Tone};
use super::{Answer, Attempt, attempt};

/// How far a number may be off, beside 1 or the right number if that is larger.
const TOLERANCE: f64 = 1e-3;

/// Begins the check of an exercise, which is named as in the text, such as `1a`.
pub fn check(exercise: &str) -> Check {
    Check { exercise: exercise.to_owned(), tolerance: TOLERANCE, cases: Vec::new() }
}

/// The check of an exercise: cases that the reader's code is tried on. A cell that ends in it shows the
/// verdict, *not attempted*, *not yet: ...* or *right*, and never fails.
///
/// ```
/// use twoviews::lesson::{Verdict, check};
/// // The share of the negatives in the denominator, as the reader has written it.
/// fn q(s: f64, negatives: f64) -> Option<f64> {
///     Some(negatives / (s.exp() + negatives))
/// }
/// let check = check("1a")
///     .case("q(1, 2)", || q(1.0, 2.0), 0.4239, &[(0.6667, "the positive pair enters as exp(s)")])
///     .rule("q(30, 1)", || q(30.0, 1.0), |q| *q <= 1.0, "q is a share, never above 1");
/// assert_eq!(check.verdict(), Verdict::Right);
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a check says nothing unless a cell ends in it"]
pub struct Check {
    exercise: String,
    tolerance: f64,
    cases: Vec<Verdict>,
}

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is `None`, as it was handed out.
    NotAttempted,
    /// Not right yet, and why.
    NotYet(String),
    /// All cases hold.
    Right,
}

impl Check {
    /// How far numbers of the following cases may be off, beside 1 or the right number if that is larger;
    /// .001 unless it is set.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Tries the reader's code on a case: `label` says which, `expected` is the right value, and
    /// `mistakes` are typical wrong values, each with what to say of it.
    pub fn case<T: Answer, A: Attempt<T>>(
        mut self,
        label: &str,
        code: impl FnOnce() -> A,
        expected: T,
        mistakes: &[(T, &str)],
    ) -> Self {
        let verdict = judged(label, attempt::run(code), |value: &T| {
            if value.is_near(&expected, self.tolerance) {
                return None;
            }
            let known = mistakes.iter().find(|(wrong, _)| value.is_near(wrong, self.tolerance));
            let said = known.map_or_else(|| value.hint(&expected), |(_, said)| (*said).to_owned());
            Some(if said.is_empty() { "that is not it".to_owned() } else { said })
        });
        self.cases.push(verdict);
        self
    }

    /// Tries the reader's code on a rule that its value must keep; `otherwise` says so where it does not.
    pub fn rule<T: Answer, A: Attempt<T>>(
        mut self,
        label: &str,
        code: impl FnOnce() -> A,
        holds: impl FnOnce(&T) -> bool,
        otherwise: &str,
    ) -> Self {
        let judge = |value: &T| (!holds(value)).then(|| otherwise.to_owned());
        self.cases.push(judged(label, attempt::run(code), judge));
        self
    }

    /// The verdict: that of the first case that does not hold.
    pub fn verdict(&self) -> Verdict {
        if self.cases.iter().all(|case| *case == Verdict::NotAttempted) {
            return Verdict::NotAttempted;
        }
        // A case with a reason tells more than one without a value.
        let failed = self.cases.iter().find(|case| matches!(case, Verdict::NotYet(_)));
        match failed {
            Some(case) => case.clone(),
            None if self.cases.contains(&Verdict::NotAttempted) => {
                Verdict::NotYet("for some inputs there is still no answer: `None`".to_owned())
            }
            None => Verdict::Right,
        }
    }

    /// Shows the verdict, and fails unless it is *right*: so a cell is graded.
    ///
    /// # Panics
    /// If the verdict is not *right*; only teachers' copies of a lesson call it.
    #[track_caller]
    pub fn grade(&self) {
        if self.verdict() != Verdict::Right {
            panic!("{self}");
        }
        self.evcxr_display();
    }

    /// Shows the verdict below a notebook's cell.
    pub fn evcxr_display(&self) {
        self.message().show();
    }

    fn message(&self) -> Message {
        let (tone, verdict, rest) = match self.verdict() {
            Verdict::NotAttempted => (Tone::Neutral, "not attempted", String::new()),
            Verdict::NotYet(why) => (Tone::NotYet, "not yet:", why),
            Verdict::Right => (Tone::Good, "right", String::new()),
        };
        Message { tone, head: format!("{}: {verdict}", self.exercise), rest }
    }
}

/// The verdict on one value; `wrong` says why it is, if it is.
fn judged<T: Answer>(
    label: &str,
    value: Result<Option<T>, String>,
    wrong: impl FnOnce(&T) -> Option<String>,
) -> Verdict {
    match value {
        Ok(None) => Verdict::NotAttempted,
        Ok(Some(value)) => match wrong(&value) {
            Some(why) => Verdict::NotYet(format!("{label} gives {}: {why}", value.shown())),
            None => Verdict::Right,
        },
        Err(why) => Verdict::NotYet(format!("{label}: {why}")),
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
