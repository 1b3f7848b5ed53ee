//! Bindings of `outlier`.

mod columns;
mod forest;

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::outlier::univariate::{self, Bounds, Rule};
use crate::py::arr::{Matrix, with_matrix};
use crate::py::err::{InternalError, ParameterError};
use crate::py::run::{self, run};

/// The rows center, scale, lower and upper, by column.
type Table<'py> = PyReadonlyArray2<'py, f64>;

fn bounds_in(table: &Table<'_>) -> Vec<Bounds> {
    let columns = table.as_array();
    let read = |c: numpy::ndarray::ArrayView1<f64>| {
        let get = |i| c.get(i).copied().unwrap_or(f64::NAN);
        Bounds { center: get(0), scale: get(1), lower: get(2), upper: get(3) }
    };
    columns.columns().into_iter().map(read).collect()
}

fn table<'py>(
    py: Python<'py>,
    rows: usize,
    columns: usize,
    cells: Vec<f64>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let made = Array2::from_shape_vec((rows, columns), cells)
        .map_err(|e| InternalError::new_err(e.to_string()))?;
    Ok(made.into_pyarray(py))
}

/// The center, scale, lower and upper bound of each column, as rows of four.
#[pyfunction]
#[pyo3(signature = (x, rule, limit, n_jobs=1, progress=None))]
fn univariate_bounds<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    rule: &str,
    limit: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let rule = match rule {
        "iqr" => Rule::Iqr,
        "mad" => Rule::Mad,
        "moments" => Rule::Moments,
        _ => return Err(ParameterError::new_err(format!("no such rule: {rule:?}"))),
    };
    let found = with_matrix!(x, view => {
        run::run(py, n_jobs, progress, |ctx| univariate::fit(ctx, view, rule, limit))?
    });
    let parts: [fn(&Bounds) -> f64; 4] = [|b| b.center, |b| b.scale, |b| b.lower, |b| b.upper];
    let cells = parts.iter().flat_map(|part| found.iter().map(part)).collect();
    table(py, 4, found.len(), cells)
}

/// How far each row is within the bounds; negative outside.
#[pyfunction]
#[pyo3(signature = (x, bounds, limit, n_jobs=1, progress=None))]
fn univariate_decide<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    bounds: Table<'py>,
    limit: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let bounds = bounds_in(&bounds);
    let out = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| univariate::decide(ctx, view, &bounds, limit))?
    });
    Ok(out.into_pyarray(py))
}

/// The share of each cell in its row's deviation.
#[pyfunction]
#[pyo3(signature = (x, bounds, n_jobs=1, progress=None))]
fn univariate_shares<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    bounds: Table<'py>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let bounds = bounds_in(&bounds);
    let (shape, out) = with_matrix!(x, view => {
        (view.dim(), run(py, n_jobs, progress, |ctx| univariate::shares(ctx, view, &bounds))?)
    });
    table(py, shape.0, shape.1, out)
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    columns::register(m)?;
    forest::register(m)?;
    m.add_function(wrap_pyfunction!(univariate_bounds, m)?)?;
    m.add_function(wrap_pyfunction!(univariate_decide, m)?)?;
    m.add_function(wrap_pyfunction!(univariate_shares, m)?)
}
