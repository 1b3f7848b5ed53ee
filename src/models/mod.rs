//! Models: linear, logistic, trees, boosting.

pub mod bayes;
pub mod boost;
mod columns;
pub mod elastic;
pub mod forest;
pub mod gram;
mod lbfgs;
pub mod linear;
pub mod logistic;
mod proximal;
pub mod tree;
