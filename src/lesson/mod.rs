//! What answers the reader of a lesson: predictions that are scored, exercises that are checked.
//!
//! Nothing here stops a notebook that is run from top to bottom, whatever the reader wrote or left out.
//!
//! ```
//! use twoviews::lesson::{Prediction, check};
//! // The reader's cells: `None` until they fill it in.
//! let prediction: Option<f64> = Some(0.9);
//! fn twice(x: f64) -> Option<f64> {
//!     Some(x * x)
//! }
//! // The cells that answer.
//! let outcome = Prediction::of("the accuracy", prediction).within(0.05).against(0.78);
//! assert_eq!(outcome.to_string(), "too high by 0.12: you predicted 0.9, the accuracy is 0.78");
//! let answer = check("1a").case("twice(3)", || twice(3.0), 6.0, &[(9.0, "this is the square")]);
//! assert_eq!(answer.to_string(), "1a: not yet: twice(3) gives 9: this is the square");
//! ```

mod answer;
mod attempt;
mod check;
mod message;
mod prediction;

pub use answer::Answer;
pub use attempt::Attempt;
pub use check::{Check, Verdict, check};
pub use prediction::{Outcome, Prediction, Score};
