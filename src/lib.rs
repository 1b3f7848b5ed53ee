//! Kernels of tamis: refined training data and better models.
//!
//! `base` knows nothing of the areas. `near`, `media` and `trees` hold what several areas share.
//! An area imports those and never another area. Nothing here knows Python except `py`.

pub mod augment;
pub mod base;
pub mod dedup;
pub mod impute;
pub mod labels;
pub mod losses;
pub mod media;
pub mod models;
pub mod near;
pub mod outlier;
pub mod resample;
pub mod trees;

#[cfg(feature = "python")]
mod py;
