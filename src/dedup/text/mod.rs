//! Near-duplicate texts: pairs whose sets of shingles are alike.

pub mod bounds;
pub mod shingles;
