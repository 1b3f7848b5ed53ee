//! Resampling: what the samplers need beside the nearest rows of `near`.

mod nominal;

pub use nominal::{Tables, distances};
