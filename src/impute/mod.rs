//! Missing values.

pub mod chained;
mod donors;
pub mod forest;
pub mod knn;
mod leading;
pub mod matching;
pub mod series;
pub mod simple;
pub mod soft;
