//! Encoders, the projection head and the SimCLR and DCL estimators.
