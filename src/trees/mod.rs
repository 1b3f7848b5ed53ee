//! Flat trees shared by models, imputation and isolation forests.

pub mod flat;
pub mod prune;

pub use flat::{FlatTree, Nodes, Shape};
