//! Neighbours, shared by areas: all pairs of points within a distance, and the nearest of each point.

mod blocks;
mod directions;
mod join;
mod nearest;
mod points;
mod sketch;
mod tile;

pub use join::{Pair, Sides, within};
pub use nearest::{Nearest, nearest, nearest_mixed};
pub use points::Points;
