//! Duplicates of every kind.

pub mod cells;
pub mod cluster;
pub mod rows;
pub mod text;
