//! Duplicates of every kind.

pub mod rows;
