//! Figures with an inline display and `save(path)`.
