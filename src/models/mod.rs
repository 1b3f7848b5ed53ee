//! Models: linear, logistic, trees.

pub mod gram;
mod lbfgs;
pub mod linear;
pub mod logistic;
mod proximal;
pub mod tree;
