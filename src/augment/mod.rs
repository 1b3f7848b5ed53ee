//! Augmentation: what is drawn for an item, and the kernels that do it.

pub mod audio;
pub mod image;
pub mod noise;
pub mod plan;
pub mod series;
pub mod text;
