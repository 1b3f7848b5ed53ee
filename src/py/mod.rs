//! The bindings: the only place that knows Python. Each area's file extracts, calls and wraps.

mod arr;
mod augment;
mod dedup;
mod err;
mod impute;
mod labels;
mod losses;
mod models;
mod near;
mod outlier;
mod resample;
mod run;
mod trees;

use pyo3::prelude::*;

/// Rust kernels of tamis. Private: the Python package is the interface.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    run::register(m)?;
    arr::register(m)?;
    augment::register(m)?;
    dedup::register(m)?;
    impute::register(m)?;
    labels::register(m)?;
    losses::register(m)?;
    models::register(m)?;
    near::register(m)?;
    outlier::register(m)?;
    resample::register(m)?;
    trees::register(m)?;
    // Private, so never imported by `*`; with it, the stub would have to repeat every name.
    m.delattr("__all__")
}
