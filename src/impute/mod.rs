//! Missing values.

pub mod knn;
pub mod simple;
