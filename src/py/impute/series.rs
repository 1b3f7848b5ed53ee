//! Bindings of `impute::series`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::impute::series::{self, Series};
use crate::py::run;

/// The row that each missing cell takes its value from, -1 where there is none.
#[pyfunction]
#[pyo3(signature = (missing, codes, n_series, order, after, limit, nearest, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)]
fn series_sources<'py>(
    py: Python<'py>,
    missing: PyReadonlyArray1<'py, bool>,
    codes: Option<PyReadonlyArray1<'py, i64>>,
    n_series: usize,
    order: Option<PyReadonlyArray1<'py, i64>>,
    after: bool,
    limit: Option<usize>,
    nearest: bool,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let missing = missing.as_array();
    let codes = codes.as_ref().map(|c| c.as_array());
    let order = order.as_ref().map(|o| o.as_array());
    let found = run::run(py, n_jobs, progress, |ctx| {
        let series = Series::new(missing.len(), codes, n_series, order)?;
        series::sources(ctx, series, missing, after, limit, nearest)
    })?;
    Ok(found.into_pyarray(py))
}

/// Values with straight lines over the gaps.
#[pyfunction]
#[pyo3(signature = (values, codes, n_series, order, days, limit, nearest, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)]
fn series_lines<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, f64>,
    codes: Option<PyReadonlyArray1<'py, i64>>,
    n_series: usize,
    order: Option<PyReadonlyArray1<'py, i64>>,
    days: Option<PyReadonlyArray1<'py, f64>>,
    limit: Option<usize>,
    nearest: bool,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let values = values.as_array();
    let codes = codes.as_ref().map(|c| c.as_array());
    let order = order.as_ref().map(|o| o.as_array());
    let days = days.as_ref().map(|d| d.as_array());
    let found = run::run(py, n_jobs, progress, |ctx| {
        let series = Series::new(values.len(), codes, n_series, order)?;
        series::lines(ctx, series, values, days, limit, nearest)
    })?;
    Ok(found.into_pyarray(py))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(series_sources, m)?)?;
    m.add_function(wrap_pyfunction!(series_lines, m)?)
}
