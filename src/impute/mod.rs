//! Missing values.

mod donors;
pub mod knn;
pub mod simple;
