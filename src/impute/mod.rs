//! Missing values.

pub mod chained;
mod donors;
pub mod knn;
pub mod simple;
