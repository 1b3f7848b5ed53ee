//! Outliers.
