//! The encoder prepared for evaluation: batch norm folded away, in a precision of one's choice.

mod fused_conv;
mod inference_encoder;
mod precision;

pub use inference_encoder::InferenceEncoder;
pub use precision::Precision;
