//! Vectors that are alike.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::dedup::vector::{Metric, alike};
use crate::py::arr::{Matrix, with_matrix};
use crate::py::err::ShapeError;
use crate::py::run::run;

type Alike<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<u64>>,
);

/// Pairs of rows at or beyond a threshold: (left, right, cosine or distance, a hash of each row).
///
/// With `sides`, two masks, only pairs of a row on the left and another on the right.
#[pyfunction]
#[pyo3(signature = (x, cosine, threshold, sides=None, n_jobs=1, progress=None))]
fn vector_pairs<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    cosine: bool,
    threshold: f64,
    sides: Option<(PyReadonlyArray1<'py, bool>, PyReadonlyArray1<'py, bool>)>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Alike<'py>> {
    let contiguous = |_| ShapeError::new_err("sides must be contiguous");
    let sides = match &sides {
        None => None,
        Some((left, right)) => {
            Some((left.as_slice().map_err(contiguous)?, right.as_slice().map_err(contiguous)?))
        }
    };
    let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
    let found = with_matrix!(x, view => {
        run(py, n_jobs, progress, |ctx| alike(ctx, view, metric, threshold, sides))
    })?;
    let left: Vec<i64> = found.pairs.iter().map(|p| i64::from(p.left)).collect();
    let right: Vec<i64> = found.pairs.iter().map(|p| i64::from(p.right)).collect();
    let score: Vec<f64> = found.pairs.iter().map(|p| p.score).collect();
    Ok((
        left.into_pyarray(py),
        right.into_pyarray(py),
        score.into_pyarray(py),
        found.keys.into_pyarray(py),
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(vector_pairs, m)?)
}
