//! Duplicates of every kind.

pub mod audio;
pub mod cells;
pub mod cluster;
pub mod image;
pub mod index;
pub mod passage;
pub mod ranks;
pub mod record;
pub mod rows;
pub mod text;
pub mod vector;
pub mod within;
