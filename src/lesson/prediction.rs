//! Predict, then run: a prediction is compared with what the run gave.

use std::fmt;

use super::message::{Message, Tone, short};

/// What the reader expects before an experiment: a number, or one of several choices by its letter.
///
/// `None` is no prediction, with which the lesson runs all the same.
///
/// ```
/// use twoviews::lesson::Prediction;
/// let prediction: Option<char> = Some('a');
/// let outcome = Prediction::of("the better loss", prediction)
///     .option('a', "SimCLR")
///     .option('b', "DCL")
///     .against('b');
/// assert_eq!(outcome.to_string(), "not so: you chose (a) SimCLR, the better loss is (b) DCL");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction<T> {
    what: String,
    made: Option<T>,
    tolerance: f64,
    options: Vec<(char, String)>,
}

impl<T> Prediction<T> {
    /// A prediction of `what`, which is named as in "the accuracy is .78".
    pub fn of(what: &str, made: Option<T>) -> Self {
        Self { what: what.to_owned(), made, tolerance: 0.0, options: Vec::new() }
    }
}

impl Prediction<f64> {
    /// How far off it may be and still hold; 0 unless it is set. A value below 0, or NaN, is 0.
    pub fn within(self, tolerance: f64) -> Self {
        Self { tolerance: tolerance.max(0.0), ..self }
    }

    /// Compares it with the result of the run.
    pub fn against(&self, result: f64) -> Outcome {
        let Self { what, tolerance, .. } = self;
        let found = format!("{what} is {}", short(result));
        let (score, text) = match self.made {
            _ if !result.is_finite() => {
                (Score::NoResult, format!("the run gave no number for {what}"))
            }
            None => (Score::NotMade, found),
            Some(made) if !made.is_finite() => {
                (Score::Missed, format!("{made} is no number that could hold; {found}"))
            }
            Some(made) => {
                // A prediction of .80 for .85 within .05 holds, whatever the last bit says.
                let off = made - result;
                let slack = 1e-12 * made.abs().max(result.abs());
                let told = format!("you predicted {}, {found}", short(made));
                if off.abs() <= tolerance + slack {
                    let margin = if *tolerance > 0.0 {
                        format!(" (within {})", short(*tolerance))
                    } else {
                        String::new()
                    };
                    (Score::Held, told + &margin)
                } else if (0.0..=1.0).contains(&result) && (10.0..=100.0).contains(&made) {
                    let share = format!(" ({} % is written {})", short(made), short(made / 100.0));
                    (Score::TooHigh(off), told + &share)
                } else if off > 0.0 {
                    (Score::TooHigh(off), told)
                } else {
                    (Score::TooLow(-off), told)
                }
            }
        };
        Outcome { score, text, reason: String::new() }
    }
}

impl Prediction<char> {
    /// Adds a choice.
    pub fn option(mut self, letter: char, text: &str) -> Self {
        self.options.push((letter, text.to_owned()));
        self
    }

    /// Compares it with the choice that the run has made.
    pub fn against(&self, result: char) -> Outcome {
        let Self { what, options, .. } = self;
        let named = |letter: char| {
            options.iter().find(|(it, _)| it.eq_ignore_ascii_case(&letter)).map_or_else(
                || format!("({letter})"),
                |(letter, text)| format!("({letter}) {text}"),
            )
        };
        let found = format!("{what} is {}", named(result));
        let (score, text) = match self.made {
            None => (Score::NotMade, found),
            Some(made) if made.eq_ignore_ascii_case(&result) => {
                (Score::Held, format!("you chose {}, and so it is", named(result)))
            }
            Some(made) if !options.iter().any(|(it, _)| it.eq_ignore_ascii_case(&made)) => {
                let letters: Vec<String> = options.iter().map(|(it, _)| it.to_string()).collect();
                (Score::Missed, format!("{made:?} is none of {}; {found}", letters.join(", ")))
            }
            Some(made) => (Score::Missed, format!("you chose {}, {found}", named(made))),
        };
        Outcome { score, text, reason: String::new() }
    }
}

/// How a prediction did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// There was none.
    NotMade,
    /// It held.
    Held,
    /// It was too high by so much.
    TooHigh(f64),
    /// It was too low by so much.
    TooLow(f64),
    /// Another choice was right.
    Missed,
    /// The run gave nothing to compare with.
    NoResult,
}

/// What became of a [`Prediction`]; a cell that ends in it shows it.
#[derive(Clone, PartialEq)]
pub struct Outcome {
    score: Score,
    text: String,
    reason: String,
}

impl Outcome {
    /// Adds why the result is what it is; it is told whether the prediction held or not.
    pub fn because(self, reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..self }
    }

    /// How the prediction did.
    pub fn score(&self) -> Score {
        self.score
    }

    /// Shows it below a notebook's cell.
    pub fn evcxr_display(&self) {
        self.message().show();
    }

    fn message(&self) -> Message {
        let (tone, head) = match self.score {
            Score::NotMade => (Tone::Neutral, "no prediction:".to_owned()),
            Score::Held => (Tone::Good, "held:".to_owned()),
            Score::TooHigh(off) => (Tone::NotYet, format!("too high by {}:", short(off))),
            Score::TooLow(off) => (Tone::NotYet, format!("too low by {}:", short(off))),
            Score::Missed => (Tone::NotYet, "not so:".to_owned()),
            Score::NoResult => (Tone::Neutral, "no result:".to_owned()),
        };
        let stop = if self.reason.is_empty() { "" } else { ". " };
        Message { tone, head, rest: format!("{}{stop}{}", self.text, self.reason) }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
