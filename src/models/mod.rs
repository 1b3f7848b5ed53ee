//! Models: linear, logistic, trees.

mod columns;
pub mod elastic;
pub mod gram;
mod lbfgs;
pub mod linear;
pub mod logistic;
mod proximal;
pub mod tree;
