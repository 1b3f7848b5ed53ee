//! Bindings of `models`: linear and logistic regression.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use super::arr::{Matrix, with_matrix};
use super::run::run;
use crate::models::{linear, logistic};

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(linear_fit, m)?)?;
    m.add_function(wrap_pyfunction!(logistic_fit, m)?)
}

type LinearFit<'py> =
    (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, bool);

/// Least squares or ridge: (coef, intercept, centred X'WX, sound).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn linear_fit<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    y: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    intercept: bool,
    alpha: PyReadonlyArray1<'py, f64>,
    n_jobs: usize,
) -> PyResult<LinearFit<'py>> {
    let (y, w, alpha) = (y.as_array(), weights.as_ref().map(|w| w.as_array()), alpha.as_array());
    let fit = with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
        linear::fit(ctx, view, y, w, intercept, alpha)
    }))?;
    Ok((
        fit.coef.into_pyarray(py),
        fit.intercept.into_pyarray(py),
        fit.xx.into_pyarray(py),
        fit.sound,
    ))
}

type LogisticFit<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, usize, bool);

/// Logistic regression: (coef, intercept, steps, converged). `start` is (coef, intercept).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn logistic_fit<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    y: PyReadonlyArray1<'py, u32>,
    n_classes: usize,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    c: f64,
    intercept: bool,
    tol: f64,
    max_iter: usize,
    start: Option<(PyReadonlyArray2<'py, f64>, PyReadonlyArray1<'py, f64>)>,
    n_jobs: usize,
) -> PyResult<LogisticFit<'py>> {
    let (y, w) = (y.as_array(), weights.as_ref().map(|w| w.as_array()));
    let start = start.as_ref().map(|(coef, bias)| (coef.as_array(), bias.as_array()));
    let settings = logistic::Settings { c, intercept, tol, max_iter };
    let fit = with_matrix!(x, view => run(py, n_jobs, None, |ctx| {
        logistic::fit(ctx, view, y, n_classes, w, settings, start)
    }))?;
    Ok((fit.coef.into_pyarray(py), fit.intercept.into_pyarray(py), fit.n_iter, fit.converged))
}
