//! Images that show the same, turned, mirrored, resized or compressed anew.

pub mod alike;
pub mod hamming;
pub mod hash;
pub mod pairs;
pub mod sketch;
