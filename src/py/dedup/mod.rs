//! Bindings of `dedup`: one file a kind.

mod audio;
mod cluster;
mod image;
mod index;
mod passage;
mod record;
mod rows;
mod text;
mod vector;

use pyo3::prelude::*;

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    audio::register(m)?;
    cluster::register(m)?;
    image::register(m)?;
    index::register(m)?;
    passage::register(m)?;
    record::register(m)?;
    rows::register(m)?;
    text::register(m)?;
    vector::register(m)
}
