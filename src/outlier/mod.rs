//! Outliers.

pub mod univariate;
