//! Bindings of `impute`.

mod forest;
mod series;

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2,
};
use pyo3::prelude::*;

use super::arr::{Matrix, with_matrix};
use super::err::ParameterError;
use super::run::run;
use crate::base::Error;
use crate::impute::chained::{self, Prior};
use crate::impute::knn::{self, Weights};
use crate::impute::simple::{self, Statistic};
use crate::impute::soft::{self, Rules};

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
/// their distances, the nearest first. Columns that are `named` hold categories.
#[pyfunction]
#[pyo3(signature = (fit, x, k, n_jobs=1, progress=None, named=None))]
#[allow(clippy::type_complexity)]
fn knn_donors<'py>(
    py: Python<'py>,
    fit: Matrix<'py>,
    x: Matrix<'py>,
    k: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
    named: Option<Vec<bool>>,
) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>)> {
    let named = named.unwrap_or_default();
    let found: PyResult<Vec<Vec<knn::Near>>> = with_pair!(fit, x, a, b => {
        run(py, n_jobs, progress, |ctx| knn::search(ctx, a, b, &named, k, |_, donors| donors))
    });
    let found = found?;
    let counts: Vec<i64> = found.iter().map(|d| d.len() as i64).collect();
    let rows: Vec<i64> = found.iter().flatten().map(|d| d.row as i64).collect();
    let distances: Vec<f64> = found.iter().flatten().map(|d| d.square.sqrt()).collect();
    Ok((counts.into_pyarray(py), rows.into_pyarray(py), distances.into_pyarray(py)))
}

/// A regression as Python gets it: coef, intercept, alpha, lambda, rounds, means, sigma.
type Fit<'py> = (
    Bound<'py, PyArray1<f64>>,
    f64,
    f64,
    f64,
    usize,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
);

/// A table that chained equations complete, column by column.
#[pyclass(module = "tamis._core")]
struct Chain {
    inner: chained::Chain,
}

#[pymethods]
impl Chain {
    #[new]
    #[pyo3(signature = (filled, missing, n_jobs=1))]
    fn new(
        py: Python<'_>,
        filled: PyReadonlyArray2<'_, f64>,
        missing: PyReadonlyArray2<'_, bool>,
        n_jobs: usize,
    ) -> PyResult<Self> {
        let (filled, missing) = (filled.as_array(), missing.as_array());
        let inner = run(py, n_jobs, None, |ctx| chained::Chain::new(ctx, filled, missing))?;
        Ok(Chain { inner })
    }

    /// Computes the running products anew.
    #[pyo3(signature = (n_jobs=1))]
    fn refresh(&mut self, py: Python<'_>, n_jobs: usize) -> PyResult<()> {
        let inner = &mut self.inner;
        run(py, n_jobs, None, |ctx| inner.refresh(ctx))
    }

    /// Bayesian ridge regression of a column on others, where it is observed.
    #[pyo3(signature = (column, others, *, alpha, lambda_, alpha_init, lambda_init, tol, max_iter,
                        n_jobs=1))]
    #[allow(clippy::too_many_arguments)] // keywords, in Python
    fn fit<'py>(
        &self,
        py: Python<'py>,
        column: usize,
        others: Vec<usize>,
        alpha: (f64, f64),
        lambda_: (f64, f64),
        alpha_init: Option<f64>,
        lambda_init: f64,
        tol: f64,
        max_iter: usize,
        n_jobs: usize,
    ) -> PyResult<Fit<'py>> {
        let prior = Prior { alpha, lambda: lambda_, alpha_init, lambda_init, tol, max_iter };
        let inner = &self.inner;
        let fit = run(py, n_jobs, None, |ctx| inner.fit(ctx, column, &others, &prior))?;
        Ok((
            fit.coef.into_pyarray(py),
            fit.intercept,
            fit.alpha,
            fit.lambda,
            fit.n_iter,
            fit.means.into_pyarray(py),
            fit.sigma.into_pyarray(py),
        ))
    }

    /// Fills a column where it is missing by a regression on others, kept within limits.
    fn fill(
        &mut self,
        column: usize,
        others: Vec<usize>,
        coef: PyReadonlyArray1<'_, f64>,
        intercept: f64,
        limits: (f64, f64),
    ) -> PyResult<()> {
        let coef = coef.as_array().to_vec();
        Ok(self.inner.fill(column, &others, &coef, intercept, limits)?)
    }

    /// Puts values in the rows where the column is missing.
    fn set(&mut self, column: usize, values: PyReadonlyArray1<'_, f64>) -> PyResult<()> {
        Ok(self.inner.set(column, &values.as_array().to_vec())?)
    }

    /// The cells of some columns in the rows where one is missing.
    fn rows<'py>(
        &self,
        py: Python<'py>,
        column: usize,
        others: Vec<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.inner.rows(column, &others)?.into_pyarray(py))
    }

    /// The largest sum of absolute changes in a row since this was last asked.
    fn change(&mut self) -> f64 {
        self.inner.change()
    }

    /// The table as it stands.
    fn filled<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.filled().into_pyarray(py)
    }
}

/// A completion as Python gets it: cells, vectors, singular values, rounds, whether they settled.
type Completion<'py> =
    (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, usize, bool);

/// Completes a table, filled provisionally, by shrinking its singular values.
#[pyfunction]
#[pyo3(signature = (filled, missing, shrink, rank, max_iter, tol, n_jobs=1, progress=None))]
#[allow(clippy::too_many_arguments)] // keywords, in Python
fn soft_fit<'py>(
    py: Python<'py>,
    filled: PyReadonlyArray2<'py, f64>,
    missing: PyReadonlyArray2<'py, bool>,
    shrink: f64,
    rank: usize,
    max_iter: usize,
    tol: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Completion<'py>> {
    let (filled, missing) = (filled.as_array(), missing.as_array());
    let rules = Rules { shrink, rank, max_iter, tol };
    let fit = run(py, n_jobs, progress, |ctx| soft::fit(ctx, filled, missing, &rules))?;
    Ok((
        fit.cells.into_pyarray(py),
        fit.vectors.into_pyarray(py),
        fit.values.into_pyarray(py),
        fit.n_iter,
        fit.settled,
    ))
}

/// The largest singular value of a table.
#[pyfunction]
#[pyo3(signature = (filled, n_jobs=1))]
fn soft_largest(py: Python<'_>, filled: PyReadonlyArray2<'_, f64>, n_jobs: usize) -> PyResult<f64> {
    let filled = filled.as_array();
    run(py, n_jobs, None, |ctx| soft::largest(ctx, filled))
}

/// Rows completed from fitted vectors, by a ridge regression over their observed cells.
#[pyfunction]
#[pyo3(signature = (x, vectors, values, shrink, n_jobs=1, progress=None))]
fn soft_project<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f64>,
    vectors: PyReadonlyArray2<'py, f64>,
    values: PyReadonlyArray1<'py, f64>,
    shrink: f64,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (x, vectors, values) = (x.as_array(), vectors.as_array(), values.as_array().to_vec());
    let done = run(py, n_jobs, progress, |ctx| soft::project(ctx, x, vectors, &values, shrink))?;
    Ok(done.into_pyarray(py))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    forest::register(m)?;
    series::register(m)?;
    m.add_class::<Chain>()?;
    m.add_function(wrap_pyfunction!(column_statistics, m)?)?;
    m.add_function(wrap_pyfunction!(soft_fit, m)?)?;
    m.add_function(wrap_pyfunction!(soft_largest, m)?)?;
    m.add_function(wrap_pyfunction!(soft_project, m)?)?;
    m.add_function(wrap_pyfunction!(integer_modes, m)?)?;
    m.add_function(wrap_pyfunction!(fill_missing, m)?)?;
    m.add_function(wrap_pyfunction!(knn_impute, m)?)?;
    m.add_function(wrap_pyfunction!(knn_donors, m)?)
}
