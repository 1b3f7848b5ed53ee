//! Records that may be of one thing: candidates by keys, and how far each field agrees.

pub mod block;
pub mod compare;
pub mod levels;
