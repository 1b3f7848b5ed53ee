//! Missing values.

pub mod chained;
mod donors;
pub mod knn;
mod leading;
pub mod series;
pub mod simple;
pub mod soft;
