//! Bindings of `resample`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::err::ParameterError;
use super::run::{self, run};
use crate::near::nearest_mixed;
use crate::resample::{Tables, distances};

/// Rows of the `k` nearest other rows of each row, which has numbers and categories.
#[pyfunction]
#[pyo3(signature = (numbers, codes, gap, k, n_jobs=1, progress=None))]
fn nearest_mixed_rows<'py>(
    py: Python<'py>,
    numbers: PyReadonlyArray2<'py, f64>,
    codes: PyReadonlyArray2<'py, u32>,
    gap: f64,
    k: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let (numbers, codes) = (numbers.as_array(), codes.as_array());
    let found = run::run(py, n_jobs, progress, |ctx| nearest_mixed(ctx, numbers, codes, gap, k))?;
    Ok(found.rows.into_pyarray(py))
}

/// Distances between rows of categories, query after query, by tables one after the other.
#[pyfunction]
#[pyo3(signature = (queries, rows, tables, sizes, n_jobs=1))]
fn nominal_distances<'py>(
    py: Python<'py>,
    queries: PyReadonlyArray2<'py, u32>,
    rows: PyReadonlyArray2<'py, u32>,
    tables: PyReadonlyArray1<'py, f64>,
    sizes: Vec<usize>,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (queries, rows) = (queries.as_array(), rows.as_array());
    let Ok(cells) = tables.as_slice() else {
        return Err(ParameterError::new_err("tables must be contiguous"));
    };
    let found =
        run(py, n_jobs, None, |ctx| distances(ctx, queries, rows, &Tables::new(cells, &sizes)?))?;
    Ok(found.into_pyarray(py))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(nearest_mixed_rows, m)?)?;
    m.add_function(wrap_pyfunction!(nominal_distances, m)?)
}
