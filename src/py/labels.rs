//! Bindings of `labels`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::arr::{Matrix, with_matrix};
use super::run::{self, run};
use crate::labels::{joint, margin, posterior};

type Floats<'py> = Bound<'py, PyArray1<f64>>;
type Labels<'py> = PyReadonlyArray1<'py, u32>;
type FloatsIn<'py> = PyReadonlyArray1<'py, f64>;

/// Thresholds, calibrated joint (flat), confident class by row.
type Joint<'py> = (Floats<'py>, Floats<'py>, Bound<'py, PyArray1<u32>>);
/// The probability that each label is right; the rows in doubt, and their best other class.
type Verdicts<'py> = (Floats<'py>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);
/// By row: the probability of the label, the most probable other class, its probability.
type Margins<'py> = (Floats<'py>, Bound<'py, PyArray1<u32>>, Floats<'py>);

/// The confident joint of labels and classes.
#[pyfunction]
#[pyo3(signature = (p, y, weights=None, n_jobs=1, progress=None))]
fn label_joint<'py>(
    py: Python<'py>,
    p: Matrix<'py>,
    y: Labels<'py>,
    weights: Option<FloatsIn<'py>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Joint<'py>> {
    let y = y.as_slice()?;
    let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
    let found = with_matrix!(p, view => {
        run::run(py, n_jobs, progress, |ctx| joint::confident(ctx, view, y, weights))?
    });
    let calibrated = joint::calibrate(&found.joint, &found.counts);
    Ok((
        found.thresholds.into_pyarray(py),
        calibrated.into_pyarray(py),
        found.confident.into_pyarray(py),
    ))
}

/// The power under which labels are most likely: its number, and the power.
#[pyfunction]
#[pyo3(signature = (p, y, noise, weights=None, n_jobs=1, progress=None))]
fn label_sharpness<'py>(
    py: Python<'py>,
    p: Matrix<'py>,
    y: Labels<'py>,
    noise: FloatsIn<'py>,
    weights: Option<FloatsIn<'py>>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(usize, f64)> {
    let (y, noise) = (y.as_slice()?, noise.as_slice()?);
    let weights = weights.as_ref().map(|w| w.as_slice()).transpose()?;
    let power = with_matrix!(p, view => {
        run(py, n_jobs, progress, |ctx| posterior::sharpness(ctx, view, y, noise, weights))?
    });
    Ok((power, posterior::POWERS[power]))
}

/// What is known about the label of each row, given the noise matrix (flat) and a power's number.
#[pyfunction]
#[pyo3(signature = (p, y, noise, power, n_jobs=1, progress=None))]
fn label_verdicts<'py>(
    py: Python<'py>,
    p: Matrix<'py>,
    y: Labels<'py>,
    noise: FloatsIn<'py>,
    power: usize,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Verdicts<'py>> {
    let (y, noise) = (y.as_slice()?, noise.as_slice()?);
    let found = with_matrix!(p, view => {
        run(py, n_jobs, progress, |ctx| posterior::verdicts(ctx, view, y, noise, power))?
    });
    Ok((
        found.quality.into_pyarray(py),
        found.doubted.into_pyarray(py),
        found.other.into_pyarray(py),
    ))
}

/// How far the most probable other class is ahead of each row's label.
#[pyfunction]
#[pyo3(signature = (p, y, n_jobs=1, progress=None))]
fn label_margins<'py>(
    py: Python<'py>,
    p: Matrix<'py>,
    y: Labels<'py>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Margins<'py>> {
    let y = y.as_slice()?;
    let found = with_matrix!(p, view => {
        run(py, n_jobs, progress, |ctx| margin::margins(ctx, view, y))?
    });
    let own: Vec<f64> = found.iter().map(|m| m.own).collect();
    let other: Vec<u32> = found.iter().map(|m| m.other).collect();
    let best: Vec<f64> = found.iter().map(|m| m.best).collect();
    Ok((own.into_pyarray(py), other.into_pyarray(py), best.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(label_joint, m)?)?;
    m.add_function(wrap_pyfunction!(label_sharpness, m)?)?;
    m.add_function(wrap_pyfunction!(label_verdicts, m)?)?;
    m.add_function(wrap_pyfunction!(label_margins, m)?)
}
