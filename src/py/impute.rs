//! Bindings of `impute`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2};
use pyo3::prelude::*;

use super::arr::{Matrix, with_matrix};
use super::err::ParameterError;
use super::run::run;
use crate::base::Error;
use crate::impute::knn::{self, Weights};
use crate::impute::simple::{self, Statistic};

/// A matrix of whole numbers, borrowed.
#[derive(FromPyObject)]
enum Integers<'py> {
    #[pyo3(transparent)]
    Signed(PyReadonlyArray2<'py, i64>),
    #[pyo3(transparent)]
    Unsigned(PyReadonlyArray2<'py, u64>),
}

/// A float matrix to write into.
#[derive(FromPyObject)]
enum MatrixMut<'py> {
    #[pyo3(transparent)]
    F32(PyReadwriteArray2<'py, f32>),
    #[pyo3(transparent)]
    F64(PyReadwriteArray2<'py, f64>),
}

fn statistic_named(name: &str) -> PyResult<Statistic> {
    match name {
        "mean" => Ok(Statistic::Mean),
        "median" => Ok(Statistic::Median),
        "most_frequent" => Ok(Statistic::Mode),
        _ => Err(ParameterError::new_err(format!("no such statistic: {name:?}"))),
    }
}

fn weights_named(name: &str) -> PyResult<Weights> {
    match name {
        "uniform" => Ok(Weights::Uniform),
        "distance" => Ok(Weights::Distance),
        _ => Err(ParameterError::new_err(format!("no such weights: {name:?}"))),
    }
}

/// The statistic of each column's present cells, NaN where there is none.
#[pyfunction]
#[pyo3(signature = (x, strategy, missing, n_jobs=1, progress=None))]
fn column_statistics<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    strategy: &str,
    missing: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let what = statistic_named(strategy)?;
    let found = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| simple::statistics(ctx, view, what, missing))?
    });
    let values: Vec<f64> = found.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
    Ok(values.into_pyarray(py))
}

/// The most frequent whole number of each column, None where there is none.
#[pyfunction]
#[pyo3(signature = (x, missing, n_jobs=1, progress=None))]
fn integer_modes(
    py: Python<'_>,
    x: Integers<'_>,
    missing: Option<i128>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Vec<Option<i128>>> {
    Ok(match &x {
        Integers::Signed(a) => {
            let (view, marker) = (a.as_array(), missing.and_then(|m| i64::try_from(m).ok()));
            let modes = run(py, n_jobs, progress, |ctx| simple::integer_modes(ctx, view, marker))?;
            modes.into_iter().map(|v| v.map(i128::from)).collect()
        }
        Integers::Unsigned(a) => {
            let (view, marker) = (a.as_array(), missing.and_then(|m| u64::try_from(m).ok()));
            let modes = run(py, n_jobs, progress, |ctx| simple::integer_modes(ctx, view, marker))?;
            modes.into_iter().map(|v| v.map(i128::from)).collect()
        }
    })
}

/// Writes each column's value into its missing cells, in place.
#[pyfunction]
#[pyo3(signature = (x, values, missing, n_jobs=1, progress=None))]
fn fill_missing(
    py: Python<'_>,
    mut x: MatrixMut<'_>,
    values: PyReadonlyArray1<'_, f64>,
    missing: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    let values = values.as_array().to_vec();
    match &mut x {
        MatrixMut::F32(a) => {
            let view = a.as_array_mut();
            run(py, n_jobs, progress, |ctx| simple::fill(ctx, view, &values, missing))
        }
        MatrixMut::F64(a) => {
            let view = a.as_array_mut();
            run(py, n_jobs, progress, |ctx| simple::fill(ctx, view, &values, missing))
        }
    }
}

/// Two matrices of one precision, or an error that says so.
macro_rules! with_pair {
    ($fit:expr, $x:expr, $a:ident, $b:ident => $body:expr) => {
        match (&$fit, &$x) {
            (Matrix::F32(fit), Matrix::F32(x)) => {
                let ($a, $b) = (fit.as_array(), x.as_array());
                $body
            }
            (Matrix::F64(fit), Matrix::F64(x)) => {
                let ($a, $b) = (fit.as_array(), x.as_array());
                $body
            }
            _ => Err(Error::Shape("fit and x must be of one precision".into()).into()),
        }
    };
}

/// A value for every missing cell of x, by row and column, from its k nearest rows of fit.
#[pyfunction]
#[pyo3(signature = (fit, x, k, weights, n_jobs=1, progress=None))]
fn knn_impute<'py>(
    py: Python<'py>,
    fit: Matrix<'py>,
    x: Matrix<'py>,
    k: usize,
    weights: &str,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let weights = weights_named(weights)?;
    let values: PyResult<Vec<f64>> = with_pair!(fit, x, a, b => {
        run(py, n_jobs, progress, |ctx| knn::impute(ctx, a, b, k, weights))
    });
    Ok(values?.into_pyarray(py))
}

/// The donors of every missing cell of x, by row and column: how many, which rows of fit, and
/// their distances, the nearest first.
#[pyfunction]
#[pyo3(signature = (fit, x, k, n_jobs=1, progress=None))]
#[allow(clippy::type_complexity)]
fn knn_donors<'py>(
    py: Python<'py>,
    fit: Matrix<'py>,
    x: Matrix<'py>,
    k: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>)> {
    let found: PyResult<Vec<Vec<knn::Near>>> = with_pair!(fit, x, a, b => {
        run(py, n_jobs, progress, |ctx| knn::search(ctx, a, b, k, |_, donors| donors))
    });
    let found = found?;
    let counts: Vec<i64> = found.iter().map(|d| d.len() as i64).collect();
    let rows: Vec<i64> = found.iter().flatten().map(|d| d.row as i64).collect();
    let distances: Vec<f64> = found.iter().flatten().map(|d| d.square.sqrt()).collect();
    Ok((counts.into_pyarray(py), rows.into_pyarray(py), distances.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(column_statistics, m)?)?;
    m.add_function(wrap_pyfunction!(integer_modes, m)?)?;
    m.add_function(wrap_pyfunction!(fill_missing, m)?)?;
    m.add_function(wrap_pyfunction!(knn_impute, m)?)?;
    m.add_function(wrap_pyfunction!(knn_donors, m)?)
}
