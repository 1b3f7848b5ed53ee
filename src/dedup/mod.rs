//! Duplicates of every kind.

pub mod cluster;
pub mod rows;
