//! Models: linear, logistic, trees.

pub mod tree;
