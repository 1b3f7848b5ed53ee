//! Trees shared by models, imputation and isolation forests: flat trees on numbers as they are, and
//! trees grown on bins.

pub mod binned;
pub mod bins;
pub mod flat;
pub mod forest;
mod gini;
pub mod hist;
mod moments;
pub mod prune;
mod split;

pub use flat::{FlatTree, Nodes, Shape};

#[cfg(test)]
mod tests;
