//! The ground every kernel stands on: errors, stopping, threads, random streams, numbers.

pub mod block;
pub mod columns;
pub mod ctx;
pub mod eigen;
pub mod error;
pub mod exp;
pub mod float;
pub mod hash;
pub mod lanes;
pub mod linalg;
pub mod loss;
pub mod par;
pub mod radix;
pub mod rng;
pub mod stats;

pub use ctx::Ctx;
pub use error::{Error, Result};
