//! Outliers.

pub mod forest;
pub mod histogram;
pub mod tails;
pub mod univariate;
