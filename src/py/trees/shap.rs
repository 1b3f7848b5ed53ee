//! Bindings of the Shapley values of trees.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::models::shap::{Trees, against, by_cover};
use crate::py::run::run;

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Values<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// What each feature adds to what trees say of each row, flat (rows, features, outputs), and what
/// they say on average: by the training rows' shares, or against background rows.
#[pyfunction]
#[pyo3(signature = (x, background, *, starts, outputs, left, right, feature, threshold,
    missing_left, cover, set, sets, value, n_outputs, categories, n_jobs, progress))]
#[allow(clippy::too_many_arguments)]
fn tree_shap<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f64>,
    background: Option<PyReadonlyArray2<'py, f64>>,
    starts: Ints<'py>,
    outputs: Ints<'py>,
    left: Ints<'py>,
    right: Ints<'py>,
    feature: Ints<'py>,
    threshold: PyReadonlyArray1<'py, f64>,
    missing_left: PyReadonlyArray1<'py, bool>,
    cover: PyReadonlyArray1<'py, f64>,
    set: Ints<'py>,
    sets: PyReadonlyArray1<'py, u64>,
    value: PyReadonlyArray2<'py, f64>,
    n_outputs: usize,
    categories: PyReadonlyArray1<'py, u32>,
    n_jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Values<'py>> {
    let trees = Trees {
        starts: starts.as_slice()?,
        outputs: outputs.as_slice()?,
        left: left.as_slice()?,
        right: right.as_slice()?,
        feature: feature.as_slice()?,
        threshold: threshold.as_slice()?,
        missing_left: missing_left.as_slice()?,
        cover: cover.as_slice()?,
        set: set.as_slice()?,
        sets: sets.as_slice()?,
        value: value.as_slice()?,
        width: value.as_array().ncols(),
        n_outputs,
        categories: categories.as_slice()?,
    };
    let (x, background) = (x.as_array(), background.as_ref().map(|b| b.as_array()));
    let (values, base) = run(py, n_jobs, progress, |ctx| match background {
        None => by_cover(ctx, &trees, x),
        Some(rows) => against(ctx, &trees, x, rows),
    })?;
    Ok((values.into_pyarray(py), base.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(tree_shap, m)?)
}
