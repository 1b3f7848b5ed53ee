//! Neighbours, shared by areas: all pairs of points within a distance.

mod blocks;
mod directions;
mod join;
mod points;
mod sketch;
mod tile;

pub use join::{Pair, Sides, within};
pub use points::Points;
