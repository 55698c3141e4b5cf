//! How good are the features: linear probe and k nearest neighbours.
