//! Bindings of `near`.

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use super::arr::Matrix;
use super::err::ParameterError;
use super::run::{self, run};
use crate::near::nearest;

type Found<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<u32>>);

/// Distances and rows of the `k` nearest rows of `data`, query after query; without queries, of the
/// other rows for each row.
#[pyfunction]
#[pyo3(signature = (data, queries, k, n_jobs=1, progress=None))]
fn nearest_rows<'py>(
    py: Python<'py>,
    data: Matrix<'py>,
    queries: Option<Matrix<'py>>,
    k: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Found<'py>> {
    let found = match (&data, &queries) {
        (Matrix::F64(data), None) => {
            let data = data.as_array();
            run::run(py, n_jobs, progress, |ctx| nearest(ctx, data, None, k))?
        }
        (Matrix::F32(data), None) => {
            let data = data.as_array();
            run(py, n_jobs, progress, |ctx| nearest(ctx, data, None, k))?
        }
        (Matrix::F64(data), Some(Matrix::F64(queries))) => {
            let (data, queries) = (data.as_array(), queries.as_array());
            run(py, n_jobs, progress, |ctx| nearest(ctx, data, Some(queries), k))?
        }
        (Matrix::F32(data), Some(Matrix::F32(queries))) => {
            let (data, queries) = (data.as_array(), queries.as_array());
            run(py, n_jobs, progress, |ctx| nearest(ctx, data, Some(queries), k))?
        }
        _ => return Err(ParameterError::new_err("data and queries must have one precision")),
    };
    Ok((found.distances.into_pyarray(py), found.rows.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(nearest_rows, m)?)
}
