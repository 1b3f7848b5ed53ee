//! Duplicates of every kind.

pub mod cluster;
pub mod rows;
pub mod text;
